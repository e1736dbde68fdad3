/* SPDX-License-Identifier: MIT */
/* Classes have names, which sets and models carry. What a user calls a class is found among them,
 * and the classes of two that meet are matched by them. */
#ifndef TD_DATA_CLASSES_H
#define TD_DATA_CLASSES_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    TD_CLASS_NAME_SIZE = 1024, /* bytes of a name in a file, at most */
    TD_CLASS_LIST_SIZE = 256,
    TD_NO_CLASS = -1,
};

typedef struct td_classes {
    const char *of;           /* whose they are, for messages: DATA, or the path of a model */
    const char *const *names; /* [count], or NULL: each has its index alone */
    size_t count;
} td_classes;

/* Finds the class that text[0, length) is: the name of one, or else an index. "#N" is always the
 * index N. TD_ERR_USAGE, beginning with `option` and with what there is, for no class, and for a
 * name that several have. */
td_status td_class_find(size_t *out, const td_classes *classes, const char *option,
                        const char *text, size_t length, td_error *error) TD_MUST_USE;

/* Finds the class that *text begins with, and moves *text behind it: the longest name that ends
 * where the text does or at one of `ends`, or else what stands before the first of these. */
td_status td_class_take(size_t *out, const td_classes *classes, const char *option,
                        const char **text, const char *ends, td_error *error) TD_MUST_USE;

/* The name of a class; NULL where it has none, or none but its index. */
const char *td_class_name(const td_classes *classes, size_t class);

/* Whether the text is an index as it stands, "3" or "#3", or several, "3,#4". */
bool td_class_is_index(const char *text);

/* `0 "cat", 1 "dog", ... 9 "owl"`, as many as there is room for. Returns `out`. */
const char *td_classes_print(const td_classes *classes, char out[TD_CLASS_LIST_SIZE]);

/* How the classes of a set go with those of what it meets. */
typedef enum td_class_order {
    TD_CLASSES_SAME,   /* the same names in the same order */
    TD_CLASSES_INDEX,  /* one of them has no names, or none but numbers in order: index by index */
    TD_CLASSES_MAPPED, /* by name, in another order or fewer */
} td_class_order;

/* Matches the classes of a set with `own`, of what it meets. map[other->count]: what each becomes,
 * TD_NO_CLASS for one that `own` lacks and that has no image; images[other->count] counts these.
 * Names of digits are equal where the numbers are ("07" and "7").
 *
 * TD_ERR_USAGE, saying what differs and what to do about it, for a class with images that `own`
 * lacks, for sets of which none is the other's, and for a name that two have, unless the names are
 * the same in the same order. */
td_status td_classes_match(const td_classes *own, const td_classes *other, const size_t *images,
                           int32_t *map, td_class_order *order, td_error *error) TD_MUST_USE;

/* Whether a file may have the name: UTF-8 without control characters, not too long. */
bool td_class_name_is_plain(const char *name);

/* Reads names from a JSON array, in `arena`: `expected` of them, or for 0 any number up to `most`.
 * TD_ERR_FORMAT. */
td_status td_class_names_read(const char *text, size_t expected, size_t most, td_arena *arena,
                              const char ***names, size_t *count, td_error *error) TD_MUST_USE;

/* The names as a JSON array in *out, malloc'd; NULL where `names` is. TD_ERR_USAGE for a name that
 * is not UTF-8, that has control characters, or that is too long. */
td_status td_class_names_write(const char *const *names, size_t count, char **out,
                               td_error *error) TD_MUST_USE;

#endif
