/* SPDX-License-Identifier: MIT */
/* Fewer bits: rint(x·(2^b − 1))/(2^b − 1) of values x in 0–1, halves to even. */
#include "defend/detect/squeezer.h"
#include <math.h>

enum { VALUES = 256 };

static td_status prepare(squeezer *self, td_arena *arena, td_error *error) {
    const double steps = (double)((1U << self->numbers[0]) - 1);
    float *table;
    TD_TRY(TD_ARENA_NEW(arena, VALUES, &table, "a squeezer", error));
    for (size_t i = 0; i < VALUES; i++)
        table[i] = (float)(255 * rint((double)i / 255 * steps) / steps);
    self->table = table;
    return TD_OK;
}

static void apply(const squeezer *self, const uint8_t *image, float *out) {
    const size_t size = td_shape_size(self->shape);
    for (size_t i = 0; i < size; i++)
        out[i] = self->table[image[i]];
}

const squeezer_kind squeezer_bit = {
    .name = "bit", .count = 1, .numbers = {{1, 7, false}}, .prepare = prepare, .apply = apply};
