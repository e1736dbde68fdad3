/* SPDX-License-Identifier: MIT */
/* A pass transforms pixels, multiplies point by point, and transforms back, either by blocks or by
 * slabs of tiles.
 *
 * If the matrices are small, a task takes a block of tiles through all three steps, so that the
 * block stays in the level-2 cache. If they are large, reading them for every block would cost more
 * than that saves: then each step runs over a large slab of tiles, and the products are divided by
 * point and panel, so that each weight is read once per slab.
 *
 * The sizes were measured on cores with 1 MB of level-2 cache and a fast level-3 cache (AMD Zen 4),
 * and with 1.25 MB and a third of that rate (Intel Ice Lake). */
#include "nn/kernel/winograd.h"

#include "base/parallel.h"
#include "nn/kernel/winograd_transforms.h"

enum {
    POINTS = TD_WINOGRAD_POINTS,
    BLOCK_FLOATS = 160 << 10, /* of a block's tiles, both transforms: fits beside the weights in the
                                 level-2 cache */
    DATA_SLAB_FLOATS = 1 << 20,   /* of a slab's tiles: fits in the level-3 cache */
    WEIGHT_SLAB_FLOATS = 1 << 18, /* ... for gradients of the weights, which read them repeatedly */
    GROUPS = 16,                  /* of tiles, each with its own dU */
    LEAST_SLAB_ROWS = 24,         /* rows of dU that a task computes from a slab */
    MOST_SLAB_ROWS = 144,         /* ... which fit in the level-2 cache */
    SLAB_TILES = 4                /* tiles that a task transforms if it also sums biases */
};

/* How a pass divides its work; depends only on the shape and the batch. */
typedef struct sizes {
    bool slabs;
    size_t tiles; /* in a slab or a block */
    size_t group; /* weight gradients without slabs: tiles that share a dU */
    size_t du;    /* floats of a whole dU */
} sizes;

/* With many channels, a power of two, tiles would share few sets of the cache. */
static size_t tile_floats(size_t channels) {
    size_t floats = td_size_round_up(channels, TD_LANES);
    return floats % 128 == 0 ? floats + TD_CACHE_LINE : floats;
}

static size_t point_floats(size_t tiles, size_t channels) {
    return td_size_round_up(tiles * tile_floats(channels), TD_CACHE_LINE) + TD_CACHE_LINE;
}

static size_t tiles_floats(size_t tiles, size_t channels) {
    return POINTS * point_floats(tiles, channels);
}

/* Lays out `tiles` tiles of `channels` channels at `values`. */
static td_winograd_tiles lay_out(float *values, size_t tiles, size_t channels) {
    return (td_winograd_tiles){values, tile_floats(channels), point_floats(tiles, channels)};
}

/* As many tiles as fit in `floats`, in whole rows of the product. */
static size_t fit_tiles(size_t floats, size_t tile, size_t least, size_t tiles) {
    size_t fit = td_size_max(floats / (POINTS * tile), least);
    return td_size_min(fit / TD_PANEL_ROWS * TD_PANEL_ROWS, td_size_round_up(tiles, TD_PANEL_ROWS));
}

/* For matrices rows × columns at each point: in × out, or out × in for the gradient of the input.
 */
static sizes data_sizes(size_t tiles, size_t rows, size_t columns) {
    sizes s = {.slabs = rows * columns >= 256 * 256 || rows >= 1024};
    if (s.slabs)
        s.tiles = fit_tiles(DATA_SLAB_FLOATS, rows + columns, 96, tiles);
    else
        s.tiles = fit_tiles(BLOCK_FLOATS, rows + TD_PANEL, 24, tiles);
    return s;
}

static sizes weight_sizes(const td_winograd *conv, size_t tiles) {
    sizes s = {.du = td_panels(conv->out) * td_winograd_panel_floats(conv->in)};
    s.slabs = s.du >= POINTS * 64 * 64;
    if (s.slabs)
        s.tiles = fit_tiles(WEIGHT_SLAB_FLOATS, conv->in + conv->out, 96, tiles);
    else
        s.tiles = fit_tiles(BLOCK_FLOATS, conv->in + conv->out, 24, tiles);
    s.group = td_size_max(td_chunks(tiles, GROUPS), s.tiles);
    return s;
}

/* Rows of dU that a task computes: the more, the less often a slab is read, but each of `threads`
 * should have some tasks. The sums are the same, however the rows are divided. */
static size_t slab_rows(const td_winograd *conv, size_t threads) {
    size_t rows = td_chunks(conv->in * td_panels(conv->out), 2 * threads);
    rows = td_size_min(td_size_max(rows, LEAST_SLAB_ROWS), MOST_SLAB_ROWS);
    return td_size_round_up(rows, TD_PANEL_ROWS);
}

static size_t data_scratch(size_t tiles, size_t rows, size_t columns, size_t threads) {
    sizes s = data_sizes(tiles, rows, columns);
    size_t input = tiles_floats(s.tiles, rows);
    if (s.slabs)
        return input + tiles_floats(s.tiles, columns);
    return threads * (input + tiles_floats(s.tiles, TD_PANEL));
}

static size_t weight_scratch(const td_winograd *conv, size_t tiles, size_t threads) {
    sizes s = weight_sizes(conv, tiles);
    size_t both = tiles_floats(s.tiles, conv->in) + tiles_floats(s.tiles, conv->out);
    if (s.slabs)
        return both + threads * td_winograd_panel_floats(MOST_SLAB_ROWS) +
               td_chunks(s.tiles, SLAB_TILES) * conv->out;
    return threads * both + td_chunks(tiles, s.group) * (s.du + conv->out);
}

size_t td_winograd_filter_floats(const td_winograd *conv) {
    return td_size_max(td_panels(conv->out) * td_winograd_panel_floats(conv->in),
                       td_panels(conv->in) * td_winograd_panel_floats(conv->out));
}

static size_t batch_tiles(const td_winograd *conv, size_t batch) {
    return batch * td_winograd_grid_of(conv).image_tiles;
}

size_t td_winograd_scratch_floats(const td_winograd *conv, size_t batch, size_t threads) {
    size_t tiles = batch_tiles(conv, batch);
    size_t forward = data_scratch(tiles, conv->in, conv->out, threads);
    size_t backward = data_scratch(tiles, conv->out, conv->in, threads);
    size_t weights = weight_scratch(conv, tiles, threads);
    return td_size_max(td_size_max(forward, backward), weights);
}

/* The forward pass, and the gradient of the input, its adjoint. */
typedef struct data_pass {
    const td_winograd *conv;
    size_t image_tiles, tiles;
    size_t rows, columns; /* rows × columns of the weights at each point */
    sizes sizes;
    bool adjoint;
    const float *source, *weights, *bias;
    td_bounds bounds;
    float *target, *scratch;
} data_pass;

static void transform(const data_pass *p, size_t first, size_t count, td_winograd_tiles to) {
    if (p->adjoint)
        td_winograd_output_adjoint(p->conv, p->source, first, count, to, NULL);
    else
        td_winograd_input(p->conv, p->source, first, count, to);
}

static void transform_back(const data_pass *p, td_winograd_tiles from, size_t first, size_t count,
                           size_t begin, size_t end) {
    if (p->adjoint)
        td_winograd_input_adjoint(p->conv, from, first, count, begin, end, p->target);
    else
        td_winograd_output(p->conv, from, first, count, begin, end, p->bias, p->bounds, p->target);
}

/* Panel `panel` of the product of `count` tiles at one point; `to` starts at the panel. */
static void multiply(const data_pass *p, td_winograd_tiles from, size_t count, size_t point,
                     size_t panel, td_winograd_tiles to) {
    const td_panel_product product = {
        .rows = count,
        .columns = p->columns - panel * TD_PANEL,
        .depth = p->rows,
        .a = from.values + point * from.point,
        .a_row = from.tile,
        .a_depth = 1,
        .b = p->weights + panel * td_winograd_panel_floats(p->rows) +
             point * td_panel_floats(p->rows),
        .b_depth = TD_PANEL,
        .c = to.values + point * to.point,
        .c_row = to.tile,
    };
    td_panel_multiply(&product);
}

static size_t panel_end(const data_pass *p, size_t panel) {
    return td_size_min((panel + 1) * TD_PANEL, p->columns);
}

static void clear_image(void *context, size_t image) {
    const data_pass *p = context;
    size_t floats = p->conv->height * p->conv->width * p->conv->in;
    memset(p->target + image * floats, 0, floats * sizeof(float));
}

/* Tiles begin … end − 1 through all three steps, a block at a time. The products of one panel are
 * transformed back before the next, which keeps the block small. */
static void data_blocks(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const data_pass *p = context;
    size_t size = p->sizes.tiles, input_floats = tiles_floats(size, p->rows);
    float *scratch = p->scratch + thread * (input_floats + tiles_floats(size, TD_PANEL));
    td_winograd_tiles from = lay_out(scratch, size, p->rows);
    td_winograd_tiles to = lay_out(scratch + input_floats, size, TD_PANEL);
    (void)chunk;
    for (size_t image = begin / p->image_tiles; p->adjoint && image < end / p->image_tiles; image++)
        clear_image(context, image);
    for (size_t first = begin; first < end; first += size) {
        size_t count = td_size_min(size, end - first);
        transform(p, first, count, from);
        for (size_t panel = 0; panel < td_panels(p->columns); panel++) {
            for (size_t point = 0; point < POINTS; point++)
                multiply(p, from, count, point, panel, to);
            transform_back(p, to, first, count, panel * TD_PANEL, panel_end(p, panel));
        }
    }
}

typedef struct data_slab {
    const data_pass *pass;
    size_t first, count; /* tiles */
    td_winograd_tiles input, product;
} data_slab;

static void slab_transform(void *context, size_t tile) {
    const data_slab *s = context;
    td_winograd_tiles to = s->input;
    to.values += tile * to.tile;
    transform(s->pass, s->first + tile, 1, to);
}

/* Items are panels, grouped by point. */
static void slab_multiply(void *context, size_t item) {
    const data_slab *s = context;
    size_t panels = td_panels(s->pass->columns), point = item / panels, panel = item % panels;
    td_winograd_tiles to = s->product;
    to.values += panel * TD_PANEL;
    multiply(s->pass, s->input, s->count, point, panel, to);
}

static void slab_transform_tile_back(void *context, size_t tile) {
    const data_slab *s = context;
    td_winograd_tiles from = s->product;
    from.values += tile * from.tile;
    transform_back(s->pass, from, s->first + tile, 1, 0, s->pass->columns);
}

/* Gradients of overlapping tiles meet in a pixel, so here tasks divide the channels. */
static void slab_transform_panel_back(void *context, size_t panel) {
    const data_slab *s = context;
    td_winograd_tiles from = s->product;
    from.values += panel * TD_PANEL;
    transform_back(s->pass, from, s->first, s->count, panel * TD_PANEL, panel_end(s->pass, panel));
}

static void data_slabs(data_pass *p) {
    size_t size = p->sizes.tiles, panels = td_panels(p->columns);
    data_slab s = {.pass = p,
                   .input = lay_out(p->scratch, size, p->rows),
                   .product = lay_out(p->scratch + tiles_floats(size, p->rows), size, p->columns)};
    if (p->adjoint)
        td_parallel_each(p->tiles / p->image_tiles, clear_image, p);
    for (; s.first < p->tiles; s.first += size) {
        s.count = td_size_min(size, p->tiles - s.first);
        td_parallel_each(s.count, slab_transform, &s);
        td_parallel_each(POINTS * panels, slab_multiply, &s);
        if (p->adjoint)
            td_parallel_each(panels, slab_transform_panel_back, &s);
        else
            td_parallel_each(s.count, slab_transform_tile_back, &s);
    }
}

static void run(data_pass *p) {
    p->image_tiles = td_winograd_grid_of(p->conv).image_tiles;
    p->sizes = data_sizes(p->tiles, p->rows, p->columns);
    if (p->sizes.slabs) {
        data_slabs(p);
        return;
    }
    p->sizes.tiles = td_even_chunk(p->tiles, p->sizes.tiles, TD_PANEL_ROWS / 3);
    size_t task = p->sizes.tiles;
    if (p->adjoint) /* whole images, for the same reason */
        task = td_size_max(1, p->sizes.tiles / p->image_tiles) * p->image_tiles;
    td_parallel_for(p->tiles, task, data_blocks, p);
}

void td_winograd_forward(const td_winograd *conv, size_t batch, const float *x,
                         const float *transformed, const float *bias, td_bounds bounds, float *y,
                         float *scratch) {
    run(&(data_pass){.conv = conv,
                     .tiles = batch_tiles(conv, batch),
                     .rows = conv->in,
                     .columns = conv->out,
                     .source = x,
                     .weights = transformed,
                     .bias = bias,
                     .bounds = bounds,
                     .target = y,
                     .scratch = scratch});
}

void td_winograd_backward_input(const td_winograd *conv, size_t batch, const float *dy,
                                const float *transformed, float *dx, float *scratch) {
    run(&(data_pass){.conv = conv,
                     .tiles = batch_tiles(conv, batch),
                     .rows = conv->out,
                     .columns = conv->in,
                     .adjoint = true,
                     .source = dy,
                     .weights = transformed,
                     .target = dx,
                     .scratch = scratch});
}

/* The gradient of the weights: with M = A dY Aᵀ and V = Bᵀ d B, dU = Σ V ⊙ M over the tiles, and dw
 * = Gᵀ dU G.
 *
 * If dU is small, the tiles are divided into a fixed number of groups; each has its own dU, which
 * stays in the level-2 cache, and these are added in order. If it is large, each task takes some
 * input channels and a panel of output channels of a slab through all points, so that no full dU
 * exists. */
typedef struct weight_pass {
    const td_winograd *conv;
    sizes sizes;
    size_t tiles;
    const float *x, *dy;
    float *dw, *dbias;
    float *scratch; /* of the threads */
    float *partial; /* dU of the groups */
    float *sums;    /* dbias of the groups, or of a slab's chunks */
} weight_pass;

/* du[point][row][column] (+)= the products of `count` tiles for input channels begin … end − 1 and
 * one panel of output channels. */
static void multiply_weights(const weight_pass *p, td_winograd_tiles input,
                             td_winograd_tiles gradient, size_t count, size_t begin, size_t end,
                             size_t panel, bool add, float *du, size_t du_point) {
    for (size_t point = 0; point < POINTS; point++) {
        const td_panel_product product = {
            .rows = end - begin,
            .columns = p->conv->out - panel * TD_PANEL,
            .depth = count,
            .a = input.values + point * input.point + begin,
            .a_row = 1,
            .a_depth = input.tile,
            .b = gradient.values + point * gradient.point + panel * TD_PANEL,
            .b_depth = gradient.tile,
            .c = du + point * du_point,
            .c_row = TD_PANEL,
            .add = add,
        };
        td_panel_multiply(&product);
    }
}

/* Zeroed memory for the sum of dy over a group or chunk; NULL if not wanted. */
static float *start_sums(const weight_pass *p, size_t chunk) {
    if (!p->dbias)
        return NULL;
    float *sums = p->sums + chunk * p->conv->out;
    memset(sums, 0, p->conv->out * sizeof(float));
    return sums;
}

static void add_sums(const weight_pass *p, size_t count) {
    if (!p->dbias)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < p->conv->out; c++)
            p->dbias[c] += p->sums[i * p->conv->out + c];
}

/* One group: a block of tiles at a time. */
static void weight_group(void *context, size_t begin, size_t end, size_t group, size_t thread) {
    const weight_pass *p = context;
    const td_winograd *conv = p->conv;
    size_t size = p->sizes.tiles, du_point = td_panel_floats(conv->in);
    size_t input_floats = tiles_floats(size, conv->in);
    float *scratch = p->scratch + thread * (input_floats + tiles_floats(size, conv->out));
    td_winograd_tiles input = lay_out(scratch, size, conv->in);
    td_winograd_tiles gradient = lay_out(scratch + input_floats, size, conv->out);
    float *du = p->partial + group * p->sizes.du;
    float *sums = start_sums(p, group);
    for (size_t first = begin; first < end; first += size) {
        size_t count = td_size_min(size, end - first);
        td_winograd_input(conv, p->x, first, count, input);
        td_winograd_output_adjoint(conv, p->dy, first, count, gradient, sums);
        for (size_t panel = 0; panel < td_panels(conv->out); panel++)
            multiply_weights(p, input, gradient, count, 0, conv->in, panel, first > begin,
                             du + panel * td_winograd_panel_floats(conv->in), du_point);
    }
}

/* Adds the groups and transforms back. Items are input channels, grouped by panel. */
static void reduce_groups(void *context, size_t item) {
    const weight_pass *p = context;
    size_t in = p->conv->in, groups = td_chunks(p->tiles, p->sizes.group);
    size_t panel = item / in, row = item % in;
    float du[POINTS][TD_PANEL];
    for (size_t point = 0; point < POINTS; point++) {
        const float *from = p->partial + panel * td_winograd_panel_floats(in) +
                            point * td_panel_floats(in) + row * TD_PANEL;
        memcpy(du[point], from, sizeof(du[point]));
        for (size_t group = 1; group < groups; group++)
            for (size_t c = 0; c < TD_PANEL; c++)
                du[point][c] += from[group * p->sizes.du + c];
    }
    td_winograd_filter_adjoint(p->conv, du[0], TD_PANEL, panel, row, row + 1, false, p->dw);
}

static void weight_groups(weight_pass *p) {
    const td_winograd *conv = p->conv;
    size_t groups = td_chunks(p->tiles, p->sizes.group);
    p->partial = p->scratch + td_threads() * (tiles_floats(p->sizes.tiles, conv->in) +
                                              tiles_floats(p->sizes.tiles, conv->out));
    p->sums = p->partial + groups * p->sizes.du;
    td_parallel_for(p->tiles, p->sizes.group, weight_group, p);
    td_parallel_each(td_panels(conv->out) * conv->in, reduce_groups, p);
    add_sums(p, groups);
}

typedef struct weight_slab {
    const weight_pass *pass;
    size_t first, count; /* tiles */
    size_t rows;         /* of a task */
    td_winograd_tiles input, gradient;
} weight_slab;

static void weight_slab_transform(void *context, size_t begin, size_t end, size_t chunk,
                                  size_t thread) {
    const weight_slab *s = context;
    const weight_pass *p = s->pass;
    td_winograd_tiles input = s->input, gradient = s->gradient;
    (void)thread;
    input.values += begin * input.tile;
    gradient.values += begin * gradient.tile;
    td_winograd_input(p->conv, p->x, s->first + begin, end - begin, input);
    td_winograd_output_adjoint(p->conv, p->dy, s->first + begin, end - begin, gradient,
                               start_sums(p, chunk));
}

/* Items are panels, for each `rows` input channels. */
static void weight_slab_multiply(void *context, size_t item) {
    const weight_slab *s = context;
    const weight_pass *p = s->pass;
    size_t panels = td_panels(p->conv->out), row = item / panels * s->rows, panel = item % panels;
    size_t end = td_size_min(row + s->rows, p->conv->in), du_point = td_panel_floats(s->rows);
    float *du = p->scratch + td_thread() * td_winograd_panel_floats(MOST_SLAB_ROWS);
    multiply_weights(p, s->input, s->gradient, s->count, row, end, panel, false, du, du_point);
    td_winograd_filter_adjoint(p->conv, du, du_point, panel, row, end, s->first > 0, p->dw);
}

static void weight_slabs(weight_pass *p) {
    const td_winograd *conv = p->conv;
    size_t size = p->sizes.tiles;
    float *input = p->scratch + td_threads() * td_winograd_panel_floats(MOST_SLAB_ROWS);
    float *gradient = input + tiles_floats(size, conv->in);
    weight_slab s = {.pass = p,
                     .rows = slab_rows(conv, td_threads()),
                     .input = lay_out(input, size, conv->in),
                     .gradient = lay_out(gradient, size, conv->out)};
    p->sums = gradient + tiles_floats(size, conv->out);
    for (; s.first < p->tiles; s.first += size) {
        s.count = td_size_min(size, p->tiles - s.first);
        td_parallel_for(s.count, SLAB_TILES, weight_slab_transform, &s);
        add_sums(p, td_chunks(s.count, SLAB_TILES));
        td_parallel_each(td_chunks(conv->in, s.rows) * td_panels(conv->out), weight_slab_multiply,
                         &s);
    }
}

void td_winograd_backward_weights(const td_winograd *conv, size_t batch, const float *x,
                                  const float *dy, float *dw, float *dbias, float *scratch) {
    weight_pass p = {.conv = conv,
                     .tiles = batch_tiles(conv, batch),
                     .x = x,
                     .dy = dy,
                     .dw = dw,
                     .dbias = dbias,
                     .scratch = scratch};
    p.sizes = weight_sizes(conv, p.tiles);
    if (dbias)
        memset(dbias, 0, conv->out * sizeof(float));
    if (p.sizes.slabs)
        weight_slabs(&p);
    else
        weight_groups(&p);
}
