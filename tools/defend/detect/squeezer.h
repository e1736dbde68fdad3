/* SPDX-License-Identifier: MIT */
/* Squeezers: filters that remove details from an image that people hardly see (Xu, Evans and Qi,
 * "Feature squeezing: detecting adversarial examples in deep neural networks", NDSS 2018). A new
 * one is a row of the table in squeezer.c. */
#ifndef TOOLS_DEFEND_DETECT_SQUEEZER_H
#define TOOLS_DEFEND_DETECT_SQUEEZER_H

#include "base/arena.h"
#include "base/error.h"
#include "nn/net.h"
#include <stdint.h>

enum { SQUEEZER_NAME_SIZE = 32, SQUEEZER_NUMBERS = 3 };

typedef struct squeezer {
    char name[SQUEEZER_NAME_SIZE]; /* as in --squeezers */
    const struct squeezer_kind *kind;
    size_t numbers[SQUEEZER_NUMBERS];
    td_shape shape;
    const float *table; /* the kind's own */
    size_t table_size;
    struct nlm_work *work; /* [threads], of nlm */
} squeezer;

/* Parses LIST for images of this shape: bit=B, median=K, nlm=SEARCH-PATCH-STRENGTH, separated by
 * commas. Their working data are in `arena`. TD_ERR_USAGE, also for more than `most`. */
td_status squeezers_parse(const char *list, td_shape shape, size_t most, td_arena *arena,
                          squeezer *out, size_t *count, td_error *error) TD_MUST_USE;

/* A kind of squeezer. */
typedef struct squeezer_kind {
    const char *name;
    size_t count; /* of its numbers, each in [least, most], and odd if required */
    struct {
        size_t least, most;
        bool odd;
    } numbers[SQUEEZER_NUMBERS];
    td_status (*prepare)(squeezer *self, td_arena *arena, td_error *error); /* or NULL */
    /* Squeezes one image [height, width, channels] to raw values, 0–255, which need not be whole.
     * Threads may squeeze at once, as items of td_parallel_each. */
    void (*apply)(const squeezer *self, const uint8_t *image, float *out);
} squeezer_kind;

extern const squeezer_kind squeezer_bit, squeezer_median, squeezer_nlm;

#endif
