/* SPDX-License-Identifier: MIT */
/* Data sets known by name: their class names, and how to get them. */
#ifndef TD_DATA_NAMES_H
#define TD_DATA_NAMES_H

#include <stddef.h>
#include <stdint.h>

typedef struct td_known_set {
    const char *name;
    size_t classes;
    const char *const *class_names; /* [classes] */
    const char *how;                /* how to obtain it, for a user without it */
    /* For a subset of another set: the class numbers in the full set, [classes], and the name of
     * the full set's folder, which may hold the files too. NULL for all others. */
    const uint8_t *numbers;
    const char *also_in;
} td_known_set;

/* Ends with a row whose name is NULL. */
extern const td_known_set td_known_sets[];

/* The set called name[0, length), or NULL. */
const td_known_set *td_known_set_find(const char *name, size_t length);

#endif
