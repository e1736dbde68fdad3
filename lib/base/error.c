/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <string.h>

/* A message may quote a file: a control character could break the line or steer the terminal. */
static void make_plain(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

td_status td_fail(td_error *error, td_status status, const char *format, ...) {
    if (error) {
        va_list args;
        va_start(args, format);
        vsnprintf(error->message, sizeof error->message, format, args);
        va_end(args);
        make_plain(error->message);
    }
    return status;
}

td_status td_fail_within(td_error *error, td_status status, const char *format, ...) {
    if (error) {
        td_error inner = *error;
        va_list args;
        va_start(args, format);
        vsnprintf(error->message, sizeof error->message, format, args);
        va_end(args);
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, ": %s", inner.message);
        make_plain(error->message);
    }
    return status;
}

td_status td_name_stream(td_error *error, td_status status, FILE *stream, const char *name) {
    return status != TD_OK && ferror(stream) ? td_fail_within(error, status, "%s", name) : status;
}

td_status td_fail_memory(td_error *error, const char *what) {
    return td_fail(error, TD_ERR_MEMORY, "out of memory for %s", what);
}
