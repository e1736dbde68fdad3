/* SPDX-License-Identifier: MIT */
/* The one error type. Every function that can fail returns a td_status and takes a td_error as its
 * last argument, where it leaves one line for a person: the file, the place in it, what was
 * expected and what was found. The library never prints and never exits. */
#ifndef TD_BASE_ERROR_H
#define TD_BASE_ERROR_H

#include <stdarg.h>
#include <stdio.h>

typedef enum td_status {
    TD_OK = 0,
    TD_ERR_USAGE,       /* an invalid request: a value out of range, an unknown name */
    TD_ERR_IO,          /* the system call failed: no such file, disk full */
    TD_ERR_FORMAT,      /* a file's content breaks its format's rules */
    TD_ERR_MEMORY,      /* an allocation failed, or a size overflows */
    TD_ERR_NUMERIC,     /* a computation gave an infinity or NaN */
    TD_ERR_INTERRUPTED, /* the caller asked to stop */
} td_status;

typedef struct td_error {
    char message[1024]; /* one line: control characters become '?', and long messages are cut */
} td_error;

#define TD_MUST_USE __attribute__((warn_unused_result))
#define TD_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Writes the message and returns `status`, so that `return td_fail(...)` is one statement. `error`
 * may be NULL if the message is not wanted. */
td_status td_fail(td_error *error, td_status status, const char *format, ...) TD_PRINTF(3, 4);

/* Puts "PREFIX: " before the message already there and returns `status`. */
td_status td_fail_within(td_error *error, td_status status, const char *format, ...)
    TD_PRINTF(3, 4);

/* For the status of a function that writes to a stream but does not know its name: if writing to
 * `stream` failed, puts "NAME: " before the message. Returns `status`. */
td_status td_name_stream(td_error *error, td_status status, FILE *stream, const char *name);

/* The message for a failed allocation of `what`. */
td_status td_fail_memory(td_error *error, const char *what);

/* Returns from the calling function when `call` fails; for functions with nothing to clean up. */
#define TD_TRY(call)                                                                               \
    do {                                                                                           \
        td_status td_try_status_ = (call);                                                         \
        if (td_try_status_ != TD_OK)                                                               \
            return td_try_status_;                                                                 \
    } while (0)

#endif
