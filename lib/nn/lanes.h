/* Loops over channels are short where channels are few. Arrays by channel are therefore repeated
 * over as many whole pixels as make a long row, and loops run along such rows: element i of a batch
 * belongs to lane i % td_lanes(channels). */
#ifndef TD_NN_LANES_H
#define TD_NN_LANES_H

#include "base/size.h"
#include <string.h>

enum { TD_LEAST_LANES = 256, TD_LANE_CHUNK = 1 << 14 };

static inline size_t td_lanes(size_t channels) {
    return channels * ((TD_LEAST_LANES + channels - 1) / channels);
}

/* Floats of a chunk of work: whole rows, some of which fit the level-2 cache. */
static inline size_t td_lane_chunk(size_t channels) {
    return td_lanes(channels) * td_size_max(1, TD_LANE_CHUNK / td_lanes(channels));
}

/* Repeats the first `channels` values of row [td_lanes(channels)]. */
static inline void td_lanes_repeat(float *row, size_t channels) {
    for (size_t at = channels; at < td_lanes(channels); at += channels)
        memcpy(row + at, row, channels * sizeof *row);
}

#endif
