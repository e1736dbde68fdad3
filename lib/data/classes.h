/* SPDX-License-Identifier: MIT */
/* Names of classes, as data sets and models have them. Resolves a user's name for a class, and
 * matches the classes of a data set and a model by name. */
#ifndef TD_DATA_CLASSES_H
#define TD_DATA_CLASSES_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    TD_CLASS_NAME_SIZE = 1024, /* most bytes of a name in a file */
    TD_CLASS_LIST_SIZE = 256,
    TD_NO_CLASS = -1,
};

typedef struct td_classes {
    const char *of;           /* the owner, for messages: DATA, or the path of a model */
    const char *const *names; /* [count], or NULL: classes have only indices */
    size_t count;
} td_classes;

/* Resolves text[0, length) to a class: by name, else by index. "#N" is always the index N.
 * TD_ERR_USAGE, which begins with `option` and lists the classes, for an unknown class and for a
 * name that several classes have. */
td_status td_class_find(size_t *out, const td_classes *classes, const char *option,
                        const char *text, size_t length, td_error *error) TD_MUST_USE;

/* Resolves the class at the start of *text, and advances *text past it: the longest name that is
 * followed by the end of the text or one of `ends`, or else the text before the first of `ends`. */
td_status td_class_take(size_t *out, const td_classes *classes, const char *option,
                        const char **text, const char *ends, td_error *error) TD_MUST_USE;

/* The name of a class; NULL if it has none, or only its index. */
const char *td_class_name(const td_classes *classes, size_t class);

/* Whether the text is an index, "3" or "#3", or several, "3,#4". */
bool td_class_is_index(const char *text);

/* `0 "cat", 1 "dog", ... 9 "owl"`, as many as fit. Returns `out`. */
const char *td_classes_print(const td_classes *classes, char out[TD_CLASS_LIST_SIZE]);

/* How the classes of two sets, or of a set and a model, correspond. */
typedef enum td_class_order {
    TD_CLASSES_SAME,   /* the same names in the same order */
    TD_CLASSES_INDEX,  /* by index: one of them has no names, or only consecutive numbers */
    TD_CLASSES_MAPPED, /* by name: another order, or fewer classes */
} td_class_order;

/* Matches the classes `other` of a set with `own`. map[other->count] receives the class of `own`
 * for each, TD_NO_CLASS for one that `own` lacks and that has no image; images[other->count] is the
 * number of images of each class. Names of digits are equal if the numbers are ("07" and "7").
 *
 * TD_ERR_USAGE, with the difference and a remedy, if a class with images is not in `own`, if
 * neither set contains the other, or if a name occurs twice, unless both have the same names in the
 * same order. */
td_status td_classes_match(const td_classes *own, const td_classes *other, const size_t *images,
                           int32_t *map, td_class_order *order, td_error *error) TD_MUST_USE;

/* Whether the name may be stored in a file: UTF-8 without control characters, not too long. */
bool td_class_name_is_plain(const char *name);

/* Reads names from a JSON array into `arena`: `expected` of them, or if that is 0 up to `most`.
 * TD_ERR_FORMAT. */
td_status td_class_names_read(const char *text, size_t expected, size_t most, td_arena *arena,
                              const char ***names, size_t *count, td_error *error) TD_MUST_USE;

/* The names as a JSON array in *out, malloc'd; NULL if `names` is NULL. TD_ERR_USAGE for a name
 * that is not UTF-8, contains control characters, or is too long. */
td_status td_class_names_write(const char *const *names, size_t count, char **out,
                               td_error *error) TD_MUST_USE;

#endif
