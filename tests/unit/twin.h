/* SPDX-License-Identifier: MIT */
/* Common code of the operators' twins; each twin is a function and a row in one of the tables. */
#ifndef TESTS_UNIT_TWIN_H
#define TESTS_UNIT_TWIN_H

#include "net_twin.h"
#include "nn/op.h"
#include <stdbool.h>

typedef struct twin_run {
    const td_net *net;
    const td_node *node;
    size_t batch;
    const net_training *training; /* or NULL */
    const double *in[TD_NODE_INPUTS];
    const double *params[TD_NODE_PARAMS];
    double *out;
} twin_run;

typedef struct twin_row {
    const char *op; /* NULL ends a table */
    void (*forward)(const twin_run *run);
} twin_row;

extern const twin_row twin_elementwise[], twin_layers[], twin_layouts[];

typedef struct twin_pair {
    double first, second;
} twin_pair;

const td_setting *twin_value(const twin_run *run, const char *name);

twin_pair twin_pair_of(const twin_run *run, const char *name);

/* Padding above and left. */
twin_pair twin_pad(const twin_run *run);

size_t twin_count(const twin_run *run, const char *name);

td_shape twin_in_shape(const twin_run *run);

size_t twin_in_count(const twin_run *run);

size_t twin_at(td_shape shape, size_t image, size_t y, size_t x, size_t c);

/* Whether pixel (y, x) is within the shape. */
bool twin_inside(td_shape shape, ptrdiff_t y, ptrdiff_t x);

/* The position of a window's element along an axis. */
ptrdiff_t twin_place(size_t out, double stride, size_t k, double pad);

/* Calls `pixel` for each output value with its position. */
void twin_for_each(const twin_run *run,
                   double (*pixel)(const twin_run *, size_t, size_t, size_t, size_t));

td_shape twin_shape(const twin_run *run, size_t input);

#endif
