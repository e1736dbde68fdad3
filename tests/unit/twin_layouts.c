/* SPDX-License-Identifier: MIT */
/* Twins of operators that move values. */
#include "twin.h"

#include <string.h>

static void flatten(const twin_run *run) {
    const td_shape in = twin_in_shape(run);
    double *out = run->out;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t c = 0; c < in.channels; c++)
            for (size_t y = 0; y < in.height; y++)
                for (size_t x = 0; x < in.width; x++)
                    *out++ = run->in[0][twin_at(in, n, y, x, c)];
}

static double concat_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const char *const axis = twin_value(run, "axis")->word == 0   ? "channels"
                             : twin_value(run, "axis")->word == 1 ? "height"
                                                                  : "width";
    size_t *place = *axis == 'c' ? &c : *axis == 'h' ? &y : &x;
    for (size_t k = 0;; k++) {
        const td_shape in = twin_shape(run, k);
        const size_t side = *axis == 'c' ? in.channels : *axis == 'h' ? in.height : in.width;
        if (*place < side)
            return run->in[k][twin_at(in, n, y, x, c)];
        *place -= side;
    }
}

static void concat(const twin_run *run) {
    twin_for_each(run, concat_output);
}

static double slice_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    return run->in[0][twin_at(twin_in_shape(run), n, y, x, twin_count(run, "first") + c)];
}

static void slice(const twin_run *run) {
    twin_for_each(run, slice_output);
}

/* As in PyTorch: the channels as groups × rest, transposed. */
static double shuffle_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const size_t groups = twin_count(run, "groups"), rest = twin_in_shape(run).channels / groups;
    return run->in[0][twin_at(twin_in_shape(run), n, y, x, c % groups * rest + c / groups)];
}

static void shuffle(const twin_run *run) {
    twin_for_each(run, shuffle_output);
}

static double pad_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const ptrdiff_t iy = (ptrdiff_t)y - (ptrdiff_t)twin_pad(run).first;
    const ptrdiff_t ix = (ptrdiff_t)x - (ptrdiff_t)twin_pad(run).second;
    return twin_inside(twin_in_shape(run), iy, ix)
               ? run->in[0][twin_at(twin_in_shape(run), n, (size_t)iy, (size_t)ix, c)]
               : twin_value(run, "value")->number;
}

static void pad(const twin_run *run) {
    twin_for_each(run, pad_output);
}

static void reshape(const twin_run *run) {
    memcpy(run->out, run->in[0], twin_in_count(run) * sizeof *run->out);
}

static double transpose_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    static const char *const orders[] = {"hcw", "whc", "wch", "chw", "cwh"};
    const char *order = orders[twin_value(run, "order")->word];
    size_t from[128];
    from[(int)order[0]] = y;
    from[(int)order[1]] = x;
    from[(int)order[2]] = c;
    return run->in[0][twin_at(twin_in_shape(run), n, from['h'], from['w'], from['c'])];
}

static void transpose(const twin_run *run) {
    twin_for_each(run, transpose_output);
}

static double crop_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const size_t top = twin_count(run, "top");
    const size_t left = twin_count(run, "left");
    return run->in[0][twin_at(twin_in_shape(run), n, top + y, left + x, c)];
}

static void crop(const twin_run *run) {
    twin_for_each(run, crop_output);
}

const twin_row twin_layouts[] = {
    {"concat", concat}, {"crop", crop},           {"flatten", flatten},
    {"pad", pad},       {"reshape", reshape},     {"shuffle", shuffle},
    {"slice", slice},   {"transpose", transpose}, {0},
};
