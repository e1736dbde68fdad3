/* SPDX-License-Identifier: MIT */
/* The stack machine of pickles, shared by the unpickler's two files. */
#ifndef TD_DATA_PICKLE_MACHINE_H
#define TD_DATA_PICKLE_MACHINE_H

#include "data/pickle.h"

/* A growing array of numbers. */
typedef struct td_pickle_numbers {
    uint32_t *at, count, room;
} td_pickle_numbers;

typedef struct td_pickle_machine {
    const td_pickle_user *user;
    const uint8_t *bytes;
    size_t size, next, opcode; /* offsets in the bytes */
    size_t width;              /* of the opcode: bytes of its number, or values of its tuple */
    td_pickle *out;
    uint32_t room;           /* in out->values */
    size_t items;            /* of all containers: bounds containers made of containers */
    td_pickle_numbers stack; /* indices of values */
    td_pickle_numbers marks; /* heights of the stack */
    td_pickle_numbers memo;  /* indices of values; 0: unset */
    bool stopped;
    td_arena *arena;
    td_error *error;
} td_pickle_machine;

/* TD_ERR_FORMAT with the opcode's offset. */
td_status td_pickle_wrong(const td_pickle_machine *m, const char *what) TD_MUST_USE;

/* Adds a value and returns its index; does not push it. */
td_status td_pickle_add(td_pickle_machine *m, td_pickle_value value, uint32_t *out) TD_MUST_USE;

/* The stack; values below a mark are not accessible. */
td_status td_pickle_push_place(td_pickle_machine *m, uint32_t place) TD_MUST_USE;
td_status td_pickle_push(td_pickle_machine *m, td_pickle_value value) TD_MUST_USE;
td_status td_pickle_pop(td_pickle_machine *m, uint32_t *out) TD_MUST_USE;
td_status td_pickle_top(td_pickle_machine *m, uint32_t *out) TD_MUST_USE;

/* Adds items to a list, tuple, set or dictionary. */
td_status td_pickle_add_items(td_pickle_machine *m, uint32_t place, const uint32_t *items,
                              uint32_t count) TD_MUST_USE;

/* The opcodes that in Python call what the file names: REDUCE, NEWOBJ and BUILD. */
td_status td_pickle_reduce(td_pickle_machine *m) TD_MUST_USE;
td_status td_pickle_newobj(td_pickle_machine *m) TD_MUST_USE;
td_status td_pickle_build(td_pickle_machine *m) TD_MUST_USE;

#endif
