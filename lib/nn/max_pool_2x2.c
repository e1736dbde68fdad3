#include "nn/max_pool_2x2.h"

#include "nn/some_lanes.h"
#include <string.h>

/* `mask` is of whole lanes. */
TD_WG_INLINE td_vec choose(td_vec_bits mask, td_vec yes, td_vec no) {
    return (td_vec)((mask & (td_vec_bits)yes) | (~mask & (td_vec_bits)no));
}

/* The larger, the first of equal ones; either being a NaN gives a NaN. */
TD_WG_INLINE td_vec larger(td_vec first, td_vec second) {
    return choose((td_vec_bits)(second > first) | (td_vec_bits)(second != second), second, first);
}

/* One vector of a window, whose rows are `row` floats apart. */
TD_WG_INLINE void pool(const float *x, size_t row, size_t channels, td_some_lanes lanes, float *y) {
    td_vec top = larger(td_vec_load_lanes(x, lanes), td_vec_load_lanes(x + channels, lanes));
    x += row;
    td_vec bottom = larger(td_vec_load_lanes(x, lanes), td_vec_load_lanes(x + channels, lanes));
    td_vec_store_lanes(y, larger(top, bottom), lanes);
}

void td_max_pool_2x2(td_shape in, const float *x, float *y) {
    const size_t channels = in.channels, row = in.width * channels;
    const size_t whole = channels / TD_WG_LANES * TD_WG_LANES;
    const td_some_lanes all = td_first_lanes(TD_WG_LANES);
    const td_some_lanes rest = td_first_lanes(channels - whole);
    for (size_t oy = 0; oy < in.height / 2; oy++, x += 2 * row) {
        const float *from = x;
        for (size_t ox = 0; ox < in.width / 2; ox++, from += 2 * channels, y += channels) {
            for (size_t c = 0; c < whole; c += TD_WG_LANES)
                pool(from + c, row, channels, all, y + c);
            if (whole < channels)
                pool(from + whole, row, channels, rest, y + whole);
        }
    }
}

/* One pixel's part of a window's gradient: `left` if it holds the maximum, and then none is left
 * for the others. Adding 0 makes -0 to 0, as if it had been added to a cleared dx. */
TD_WG_INLINE void give(const float *x, td_vec top, td_vec *left, td_some_lanes lanes, float *dx) {
    td_vec_bits here = (td_vec_bits)(td_vec_load_lanes(x, lanes) == top);
    td_vec share = (td_vec)(here & (td_vec_bits)*left);
    *left = (td_vec)(~here & (td_vec_bits)*left);
    td_vec_store_lanes(dx, share + (td_vec){0}, lanes);
}

/* One vector of a window. */
TD_WG_INLINE void unpool(const float *x, const float *y, const float *dy, size_t row,
                         size_t channels, td_some_lanes lanes, float *dx) {
    td_vec top = td_vec_load_lanes(y, lanes), left = td_vec_load_lanes(dy, lanes);
    give(x, top, &left, lanes, dx);
    give(x + channels, top, &left, lanes, dx + channels);
    give(x + row, top, &left, lanes, dx + row);
    give(x + row + channels, top, &left, lanes, dx + row + channels);
}

void td_max_pool_2x2_backward(td_shape in, const float *x, const float *y, const float *dy,
                              float *dx) {
    const size_t channels = in.channels, row = in.width * channels;
    const size_t whole = channels / TD_WG_LANES * TD_WG_LANES;
    const size_t pooled = in.width / 2 * 2 * channels; /* floats of a row that are in windows */
    const td_some_lanes all = td_first_lanes(TD_WG_LANES);
    const td_some_lanes rest = td_first_lanes(channels - whole);
    for (size_t oy = 0; oy < in.height / 2; oy++, x += 2 * row, dx += 2 * row) {
        for (size_t at = 0; at < pooled; at += 2 * channels, y += channels, dy += channels) {
            for (size_t c = 0; c < whole; c += TD_WG_LANES)
                unpool(x + at + c, y + c, dy + c, row, channels, all, dx + at + c);
            if (whole < channels)
                unpool(x + at + whole, y + whole, dy + whole, row, channels, rest, dx + at + whole);
        }
        memset(dx + pooled, 0, (row - pooled) * sizeof *dx);
        memset(dx + row + pooled, 0, (row - pooled) * sizeof *dx);
    }
    if (in.height % 2 > 0)
        memset(dx, 0, row * sizeof *dx);
}
