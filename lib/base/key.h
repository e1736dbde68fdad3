/* SPDX-License-Identifier: MIT */
/* Keys: the parameters of triggers, operators, methods and tools, each declared once as a table
 * row. The row drives parsing and range checks, messages, --help, the canonical text, and the
 * options in a record. A table ends at a row without a name. */
#ifndef TD_BASE_KEY_H
#define TD_BASE_KEY_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TD_KEY_EXTENT = 16384, /* upper limit of X, Y and a shift */
    TD_KEY_LIST_SIZE = 4,  /* most numbers in a list */
};

/* What a key's value is, and the type of the field that td_key_store writes. */
typedef enum td_key_kind {
    TD_KEY_FLAG,     /* no value: given or not               bool */
    TD_KEY_COUNT,    /* a whole number                       size_t */
    TD_KEY_REAL,     /* a number                             double */
    TD_KEY_FRACTION, /* a number or A/B                      double */
    TD_KEY_WORD,     /* one of `words`                       int, its place */
    TD_KEY_TEXT,     /* any text, such as a path             const char * */
    TD_KEY_PAIR,     /* a whole number or AxB                size_t[2] */
    TD_KEY_SIDES,    /* a whole number, AxB or TOPxLEFTxBOTTOMxRIGHT */
    TD_KEY_LIST,     /* numbers A,B,... */
    TD_KEY_POSITION, /* top-left, ..., center or X+Y */
    TD_KEY_COLOUR,   /* black, white, V or R/G/B             td_colour */
    TD_KEY_SHIFT,    /* S or X+Y */
    TD_KEY_CLASS, /* a class's name or index; only data or a model can resolve it (data/classes.h)
                     const char * */
} td_key_kind;

typedef struct td_key {
    const char *name; /* "attack-rate" */
    td_key_kind kind;
    size_t offset;        /* of the field that td_key_store writes, in its struct */
    double least, most;   /* of a number, or of each number; INFINITY for no upper limit */
    bool above, below;    /* `least` is excluded; `most` is excluded */
    const char *standard; /* the default, as text; NULL: none */
    bool optional;        /* may be absent without a default; not printed at its default */
    bool required;        /* must be given if `needs` holds */
    bool many;       /* may be given several times, numbers also as A,B,...: the field is a td_many;
                        `optional`: left out of a record if it has no value */
    bool argument;   /* positional, without --NAME */
    bool unrecorded; /* cannot change a result: left out of a record's options */
    const char *const *words; /* of a TD_KEY_WORD, NULL-terminated */
    const char *needs;        /* the key that this one requires, "patch", or the key and its values,
                                 "patch=unlearn|prune"; NULL: none */
    const char *field;        /* its name in a record; NULL: `name` with _ for - */
    const char *alias;        /* another spelling of the name, not shown in help */
    const char *value;        /* what --help calls its value: "DATA" */
    const char *expected;     /* what a TD_KEY_TEXT is, for messages: "the name of a file" */
    const char *help; /* what it does, without its default; a sentence without a full stop */
} td_key;

typedef enum td_anchor {
    TD_AT_TOP_LEFT,
    TD_AT_TOP_RIGHT,
    TD_AT_BOTTOM_LEFT,
    TD_AT_BOTTOM_RIGHT,
    TD_AT_CENTER,
    TD_AT_POINT,
} td_anchor;

/* A patch's position. x is the column and y the row of its top-left pixel, for TD_AT_POINT. */
typedef struct td_position {
    td_anchor anchor;
    size_t x, y;
} td_position;

/* A pixel value, or one per channel. `grey` if the three are equal, so that it suits grey images
 * too. */
typedef struct td_colour {
    uint8_t rgb[3];
    bool grey;
} td_colour;

/* A key's value, by its kind. */
typedef struct td_setting {
    bool given; /* has a value, possibly the default */
    union {
        size_t count;
        double number; /* of TD_KEY_REAL and TD_KEY_FRACTION */
        const char *text;
        size_t word;
        td_position position;
        td_colour colour;
        struct {
            size_t x, y;
        } shift;
        struct {
            size_t first, second; /* the same for a single number */
        } pair;
        struct {
            size_t top, left, bottom, right; /* AxB: A at top and bottom, B left and right */
        } sides;
        struct {
            double values[TD_KEY_LIST_SIZE];
            size_t count;
        } list;
    };
} td_setting;

/* The values of a key that may be given several times, in the order of the command line. */
typedef struct td_many {
    union {
        const char **texts; /* TD_KEY_TEXT, TD_KEY_WORD, TD_KEY_CLASS */
        size_t *counts;     /* TD_KEY_COUNT */
        double *reals;      /* TD_KEY_REAL */
    };
    size_t count;
} td_many;

/* The row with that name, or NULL. */
const td_key *td_key_find(const td_key *keys, const char *name);

/* Whether a class's text is an index (only digits), which a record stores as a number. */
bool td_key_class_is_number(const char *text);

/* Parses a value; does not copy text. Returns whether it is of the key's kind and in its range. */
bool td_key_read(const td_key *key, const char *text, td_setting *out);

/* Describes the allowed values for a message: "a whole number from 1 to 1000". Returns `out`. */
const char *td_key_describe(const td_key *key, char *out, size_t size);

/* The canonical text of a value; parsing it gives the same value. Returns its length as snprintf
 * does. */
int td_key_print(const td_key *key, const td_setting *setting, char *out, size_t size);

/* The default as a value; false if there is none. The default of a TD_KEY_REAL may be "inf". */
bool td_key_standard(const td_key *key, td_setting *out);

/* Whether the value is the key's default. */
bool td_key_is_standard(const td_key *key, const td_setting *setting);

/* Writes the value into the key's field of `settings`, or appends it there for a key that may be
 * given several times. Copies texts to `arena`. TD_ERR_MEMORY. */
td_status td_key_store(const td_key *key, const td_setting *setting, void *settings,
                       td_arena *arena, td_error *error) TD_MUST_USE;

/* Writes the defaults of all keys of a table into `settings`. */
td_status td_key_store_defaults(const td_key *keys, void *settings, td_arena *arena,
                                td_error *error) TD_MUST_USE;

#endif
