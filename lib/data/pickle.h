/* SPDX-License-Identifier: MIT */
/* Reads pickles as data. A pickle is a program that builds objects by calling functions it names,
 * so it can run anything its author chose. This interpreter calls nothing: it implements the
 * opcodes in PyTorch's and NumPy's files, and a call to one of the functions that the caller lists
 * becomes a value that records the function and its arguments. A file with any other call is
 * refused, naming the call. (Python's pickletools.py describes opcodes and protocols; 2 to 5 are
 * read.) */
#ifndef TD_DATA_PICKLE_H
#define TD_DATA_PICKLE_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum td_pickle_kind {
    TD_PICKLE_NONE,
    TD_PICKLE_BOOL,
    TD_PICKLE_INT, /* of at most 64 bits; larger ones are TD_PICKLE_SKIPPED */
    TD_PICKLE_REAL,
    TD_PICKLE_TEXT,
    TD_PICKLE_TUPLE,
    TD_PICKLE_LIST,
    TD_PICKLE_SET,
    TD_PICKLE_DICT,       /* items: key, value, key, value, ... */
    TD_PICKLE_GLOBAL,     /* the name of a class or a function */
    TD_PICKLE_PERSISTENT, /* an object outside the pickle: `inner` identifies it */
    TD_PICKLE_CALL,       /* of function `what` with the tuple `inner`; `state` was set on it */
    TD_PICKLE_OBJECT,     /* of class `what`, with the state `inner` */
    TD_PICKLE_SKIPPED,    /* a value the caller does not need */
} td_pickle_kind;

/* Values refer to each other by index in td_pickle.values. A value may be part of several others
 * and, in a malicious file, of itself. */
typedef struct td_pickle_value {
    td_pickle_kind kind;
    uint32_t what; /* of TD_PICKLE_CALL and OBJECT: a TD_PICKLE_GLOBAL */
    union {
        int64_t integer; /* TD_PICKLE_BOOL: 0 or 1 */
        double real;
        struct {
            const char *bytes; /* in the file, without a terminator */
            uint32_t length;
        } text; /* TD_PICKLE_GLOBAL: "MODULE NAME", with a terminator, in the arena */
        struct {
            uint32_t *items, count, room;
        } list;
        struct {
            uint32_t inner; /* TD_PICKLE_OBJECT: 0, which is None, until a state is set */
            uint32_t state; /* TD_PICKLE_CALL: 0 likewise */
        };
    };
} td_pickle_value;

/* The result of a call. */
typedef enum td_pickle_call {
    TD_PICKLE_KEPT,    /* a TD_PICKLE_CALL: a tensor */
    TD_PICKLE_STATED,  /* the same, may be given a state: a NumPy array */
    TD_PICKLE_MAP,     /* a dictionary; its argument, if any, is a list of pairs */
    TD_PICKLE_SET_OF,  /* a set, from its list argument */
    TD_PICKLE_FIRST,   /* its first argument: a parameter becomes its tensor */
    TD_PICKLE_NOTHING, /* a TD_PICKLE_SKIPPED */
} td_pickle_call;

typedef struct td_pickle_function {
    const char *name; /* "MODULE NAME" */
    td_pickle_call call;
} td_pickle_function;

/* The functions that a file may name; any other is refused. */
typedef struct td_pickle_user {
    const char *what;                    /* "model": what is being read */
    const td_pickle_function *functions; /* ends with a row without a name */
} td_pickle_user;

typedef struct td_pickle {
    td_pickle_value *values;
    uint32_t count, root; /* values[0] is None */
    size_t size;          /* bytes read, including its STOP */
} td_pickle;

/* Whether the bytes begin like a pickle of protocol 2 to 5. */
bool td_pickle_is(const uint8_t *bytes, size_t size);

/* Reads the pickle at `bytes`, which must outlive it; its values are in `arena`. At most 4 million
 * values and 16 million items. TD_ERR_FORMAT, with the place, for an unknown opcode, a call that is
 * not listed, and an incomplete program. */
td_status td_pickle_read(td_pickle *out, const uint8_t *bytes, size_t size,
                         const td_pickle_user *user, td_arena *arena, td_error *error) TD_MUST_USE;

/* The value of a text key of a dictionary, or NULL; the last one if repeated, as in Python. */
const td_pickle_value *td_pickle_get(const td_pickle *pickle, const td_pickle_value *dict,
                                     const char *key);

/* The i-th item of a list, tuple, set or dictionary. */
static inline const td_pickle_value *td_pickle_item(const td_pickle *pickle,
                                                    const td_pickle_value *list, size_t i) {
    return &pickle->values[list->list.items[i]];
}

/* Whether a value is this text, or the global "MODULE NAME". */
bool td_pickle_is_text(const td_pickle_value *value, const char *text);
bool td_pickle_is_global(const td_pickle_value *value, const char *name);

#endif
