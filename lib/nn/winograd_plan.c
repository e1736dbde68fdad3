/* How the work is cut, and the scratch that it needs. The sizes were measured on cores with 1 MB of
 * second-level cache. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/winograd_inner.h"

/* Floats of both transforms' tiles: of a block, beside the weights in the second-level cache; of a
 * slab, in the third. */
enum {
    GROUPS = 16,
    BLOCK_FLOATS = 160 << 10,
    DATA_SLAB_FLOATS = 1 << 20,
    WEIGHT_SLAB_FLOATS = 3 << 19
};

/* Where channels are many and a power of two, tiles would meet in few sets of the cache. */
static size_t tile_floats(size_t channels) {
    size_t floats = td_wg_round_up(channels, TD_WG_LANES);
    return floats % 128 == 0 ? floats + TD_WG_LINE : floats;
}

size_t td_wg_tiles_floats(size_t tiles, size_t channels) {
    return TD_WG_POINTS * (td_wg_round_up(tiles * tile_floats(channels), TD_WG_LINE) + TD_WG_LINE);
}

td_wg_tiles td_wg_lay_out(float *values, size_t tiles, size_t channels) {
    return (td_wg_tiles){.values = values,
                         .tile = tile_floats(channels),
                         .point = td_wg_tiles_floats(tiles, channels) / TD_WG_POINTS};
}

/* As many tiles as `floats` hold, in whole rows of the product. */
static size_t fit_tiles(size_t floats, size_t tile, size_t least, size_t tiles) {
    size_t fit = td_size_max(floats / (TD_WG_POINTS * tile), least);
    return td_size_min(fit / TD_WG_ROWS * TD_WG_ROWS, td_wg_round_up(tiles, TD_WG_ROWS));
}

td_wg_sizes td_wg_data_sizes(size_t tiles, size_t rows, size_t columns) {
    td_wg_sizes sizes = {.slabs = rows * columns >= 256 * 256 || rows >= 1024};
    if (sizes.slabs)
        sizes.tiles = fit_tiles(DATA_SLAB_FLOATS, rows + columns, 96, tiles);
    else
        sizes.tiles = fit_tiles(BLOCK_FLOATS, rows + TD_WG_PANEL, 24, tiles);
    return sizes;
}

td_wg_sizes td_wg_weight_sizes(const td_winograd *conv, size_t tiles) {
    td_wg_sizes sizes = {.weights = td_wg_panels(conv->out) * td_wg_panel_floats(conv->in)};
    sizes.slabs = sizes.weights >= TD_WG_POINTS * 64 * 64;
    if (sizes.slabs)
        sizes.tiles = fit_tiles(WEIGHT_SLAB_FLOATS, conv->in + conv->out, 96, tiles);
    else
        sizes.tiles = fit_tiles(BLOCK_FLOATS, conv->in + conv->out, 24, tiles);
    sizes.group = td_size_max(td_chunks(tiles, GROUPS), sizes.tiles);
    return sizes;
}

size_t td_wg_data_scratch(size_t tiles, size_t rows, size_t columns, size_t threads) {
    td_wg_sizes sizes = td_wg_data_sizes(tiles, rows, columns);
    size_t spread = td_wg_tiles_floats(sizes.tiles, rows);
    if (sizes.slabs)
        return spread + td_wg_tiles_floats(sizes.tiles, columns);
    return threads * (spread + td_wg_tiles_floats(sizes.tiles, TD_WG_PANEL));
}

size_t td_wg_weight_scratch(const td_winograd *conv, size_t tiles, size_t threads) {
    td_wg_sizes sizes = td_wg_weight_sizes(conv, tiles);
    size_t both =
        td_wg_tiles_floats(sizes.tiles, conv->in) + td_wg_tiles_floats(sizes.tiles, conv->out);
    if (sizes.slabs)
        return both + threads * td_wg_panel_floats(TD_WG_TASK_ROWS) +
               td_chunks(sizes.tiles, TD_WG_TASK_TILES) * conv->out;
    return threads * both + td_chunks(tiles, sizes.group) * (sizes.weights + conv->out);
}

size_t td_winograd_weight_floats(const td_winograd *conv) {
    return td_size_max(td_wg_panels(conv->out) * td_wg_panel_floats(conv->in),
                       td_wg_panels(conv->in) * td_wg_panel_floats(conv->out));
}

size_t td_winograd_scratch_floats(const td_winograd *conv, size_t batch, size_t threads) {
    size_t tiles = batch * td_wg_make_grid(conv).image_tiles;
    size_t forward = td_wg_data_scratch(tiles, conv->in, conv->out, threads);
    size_t backward = td_wg_data_scratch(tiles, conv->out, conv->in, threads);
    size_t weights = td_wg_weight_scratch(conv, tiles, threads);
    return td_size_max(td_size_max(forward, backward), weights);
}
