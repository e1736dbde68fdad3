/* Data sets that are known by name: what their labels mean, and how to get them. */
#ifndef TD_DATA_NAMES_H
#define TD_DATA_NAMES_H

#include <stddef.h>

typedef struct td_known_set {
    const char *name;
    size_t classes;
    const char *const *class_names; /* [classes] */
    const char *how;                /* what a user without it should do */
} td_known_set;

/* Ends with a row whose name is NULL. */
extern const td_known_set td_known_sets[];

/* The set called name[0, length), or NULL. */
const td_known_set *td_known_set_find(const char *name, size_t length);

#endif
