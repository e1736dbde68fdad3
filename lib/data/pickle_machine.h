/* SPDX-License-Identifier: MIT */
/* What the two files of the unpickler share: the machine that a pickle is a program for. */
#ifndef TD_DATA_PICKLE_MACHINE_H
#define TD_DATA_PICKLE_MACHINE_H

#include "data/pickle.h"

/* A table of numbers that grows. */
typedef struct td_pickle_numbers {
    uint32_t *at, count, room;
} td_pickle_numbers;

typedef struct td_pickle_machine {
    const td_pickle_user *user;
    const uint8_t *bytes;
    size_t size, next, opcode; /* places in the bytes */
    size_t width;              /* of the opcode: bytes of its number, or values of its tuple */
    td_pickle *out;
    uint32_t room;           /* in out->values */
    size_t items;            /* of all containers: one may be made of another, again and again */
    td_pickle_numbers stack; /* places of values */
    td_pickle_numbers marks; /* heights of the stack */
    td_pickle_numbers memo;  /* places of values; 0 where there is none */
    bool stopped;
    td_arena *arena;
    td_error *error;
} td_pickle_machine;

/* TD_ERR_FORMAT with the place of the opcode. */
td_status td_pickle_wrong(const td_pickle_machine *m, const char *what) TD_MUST_USE;

/* A new value, by its place, which is not on the stack yet. */
td_status td_pickle_add(td_pickle_machine *m, td_pickle_value value, uint32_t *out) TD_MUST_USE;

/* The stack; what lies below a mark is not to be had. */
td_status td_pickle_push_place(td_pickle_machine *m, uint32_t place) TD_MUST_USE;
td_status td_pickle_push(td_pickle_machine *m, td_pickle_value value) TD_MUST_USE;
td_status td_pickle_pop(td_pickle_machine *m, uint32_t *out) TD_MUST_USE;
td_status td_pickle_top(td_pickle_machine *m, uint32_t *out) TD_MUST_USE;

/* Adds items to a list, tuple, set or dictionary. */
td_status td_pickle_add_items(td_pickle_machine *m, uint32_t place, const uint32_t *items,
                              uint32_t count) TD_MUST_USE;

/* The opcodes that, in Python, call what the file names: REDUCE, NEWOBJ and BUILD. */
td_status td_pickle_reduce(td_pickle_machine *m) TD_MUST_USE;
td_status td_pickle_newobj(td_pickle_machine *m) TD_MUST_USE;
td_status td_pickle_build(td_pickle_machine *m) TD_MUST_USE;

#endif
