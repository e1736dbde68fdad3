/* SPDX-License-Identifier: MIT */
/* Data sets that are known by name: what their labels mean, and how to get them. */
#ifndef TD_DATA_NAMES_H
#define TD_DATA_NAMES_H

#include <stddef.h>
#include <stdint.h>

typedef struct td_known_set {
    const char *name;
    size_t classes;
    const char *const *class_names; /* [classes] */
    const char *how;                /* what a user without it should do */
    /* For a set that is part of another: the number that each class has there, [classes], and the
     * name of the folder with the whole, where its files may be as well. NULL for all others. */
    const uint8_t *numbers;
    const char *also_in;
} td_known_set;

/* Ends with a row whose name is NULL. */
extern const td_known_set td_known_sets[];

/* The set called name[0, length), or NULL. */
const td_known_set *td_known_set_find(const char *name, size_t length);

#endif
