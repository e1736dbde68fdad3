/* SPDX-License-Identifier: MIT */
/* Loops over few channels are short. Arrays by channel are therefore repeated over enough whole
 * pixels to make a long row, and loops run along such rows: element i of a batch uses element i %
 * td_channel_row(channels) of the row. */
#ifndef TD_NN_CHANNEL_ROWS_H
#define TD_NN_CHANNEL_ROWS_H

#include "base/size.h"
#include <string.h>

enum { TD_CHANNEL_ROW_LEAST = 256, TD_CHANNEL_ROW_CHUNK = 1 << 14 };

/* Floats in a row. */
static inline size_t td_channel_row(size_t channels) {
    return channels * ((TD_CHANNEL_ROW_LEAST + channels - 1) / channels);
}

/* Floats in a chunk of work: whole rows, a few of which fit in the level-2 cache. */
static inline size_t td_channel_row_chunk(size_t channels) {
    return td_channel_row(channels) *
           td_size_max(1, TD_CHANNEL_ROW_CHUNK / td_channel_row(channels));
}

/* Repeats the first `channels` values of row [td_channel_row(channels)]. */
static inline void td_channel_row_repeat(float *row, size_t channels) {
    for (size_t at = channels; at < td_channel_row(channels); at += channels)
        memcpy(row + at, row, channels * sizeof *row);
}

#endif
