/* The two passes over activations: forward, and the gradient of the input, its adjoint. Both spread
 * pixels into tiles, multiply them by the transformed weights, and gather tiles into pixels.
 *
 * Where the weights are few, a task takes a block of tiles through all three steps, so that the
 * block stays in the second-level cache. Where they are many, reading them again for every block
 * would cost more than that saves: there each step runs over a large slab of tiles, and the
 * products are shared out by point and panel, each weight being read once a slab. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/winograd_inner.h"

typedef struct pass {
    const td_winograd *conv;
    td_wg_grid grid;
    size_t tiles, rows, columns; /* rows × columns of the weights at each point */
    bool adjoint;
    const float *source, *weights, *bias;
    bool relu;
    float *target, *scratch;
    td_wg_sizes sizes;
    size_t first, count; /* the slab's tiles */
    td_wg_tiles spread, product;
} pass;

static void spread(const pass *p, size_t first, size_t count, td_wg_tiles to) {
    if (p->adjoint)
        td_wg_spread_gradient(p->conv, p->source, first, count, to, NULL);
    else
        td_wg_spread_input(p->conv, p->source, first, count, to);
}

static void gather(const pass *p, td_wg_tiles from, size_t first, size_t count, size_t begin,
                   size_t end) {
    if (p->adjoint)
        td_wg_gather_gradient(p->conv, from, first, count, begin, end, p->target);
    else
        td_wg_gather_output(p->conv, from, first, count, begin, end, p->bias, p->relu, p->target);
}

/* Panel `panel` of the product of `count` tiles at one point; `to` starts at the panel. */
static void multiply(const pass *p, td_wg_tiles from, size_t count, size_t point, size_t panel,
                     td_wg_tiles to) {
    const td_wg_product product = {
        .rows = count,
        .columns = p->columns - panel * TD_WG_PANEL,
        .depth = p->rows,
        .a = from.values + point * from.point,
        .a_row = from.tile,
        .a_depth = 1,
        .b = p->weights + panel * td_wg_panel_floats(p->rows) + point * td_wg_panel_point(p->rows),
        .b_depth = TD_WG_PANEL,
        .c = to.values + point * to.point,
        .c_row = to.tile,
    };
    td_wg_multiply(&product);
}

static void clear_images(const pass *p, size_t begin, size_t end) {
    size_t floats = p->conv->height * p->conv->width * p->conv->in;
    memset(p->target + begin * floats, 0, (end - begin) * floats * sizeof(float));
}

/* Tiles begin … end − 1 through all three steps, a block at a time. The products of one panel are
 * gathered before the next, which keeps the block small. */
static void run_blocks(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    (void)chunk;
    size_t spread_floats = td_wg_tiles_floats(p->sizes.tiles, p->rows);
    float *scratch =
        p->scratch + thread * (spread_floats + td_wg_tiles_floats(p->sizes.tiles, TD_WG_PANEL));
    td_wg_tiles from = td_wg_lay_out(scratch, p->sizes.tiles, p->rows);
    td_wg_tiles to = td_wg_lay_out(scratch + spread_floats, p->sizes.tiles, TD_WG_PANEL);
    if (p->adjoint)
        clear_images(p, begin / p->grid.image_tiles, end / p->grid.image_tiles);
    for (size_t first = begin; first < end; first += p->sizes.tiles) {
        size_t count = td_size_min(p->sizes.tiles, end - first);
        spread(p, first, count, from);
        for (size_t panel = 0; panel < td_wg_panels(p->columns); panel++) {
            for (size_t point = 0; point < TD_WG_POINTS; point++)
                multiply(p, from, count, point, panel, to);
            gather(p, to, first, count, panel * TD_WG_PANEL,
                   td_size_min((panel + 1) * TD_WG_PANEL, p->columns));
        }
    }
}

static void slab_spread(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    (void)chunk, (void)thread;
    td_wg_tiles to = p->spread;
    to.values += begin * to.tile;
    spread(p, p->first + begin, end - begin, to);
}

static void slab_multiply(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    (void)chunk, (void)thread;
    size_t panels = td_wg_panels(p->columns);
    for (size_t item = begin; item < end; item++) {
        td_wg_tiles to = p->product;
        to.values += item % panels * TD_WG_PANEL;
        multiply(p, p->spread, p->count, item / panels, item % panels, to);
    }
}

static void slab_gather_tiles(void *context, size_t begin, size_t end, size_t chunk,
                              size_t thread) {
    const pass *p = context;
    (void)chunk, (void)thread;
    td_wg_tiles from = p->product;
    from.values += begin * from.tile;
    gather(p, from, p->first + begin, end - begin, 0, p->columns);
}

/* Gradients of overlapping tiles meet in a pixel, so here tasks share out the channels. */
static void slab_gather_channels(void *context, size_t begin, size_t end, size_t chunk,
                                 size_t thread) {
    const pass *p = context;
    (void)chunk, (void)thread;
    td_wg_tiles from = p->product;
    from.values += begin;
    gather(p, from, p->first, p->count, begin, end);
}

static void clear_task(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    (void)chunk, (void)thread;
    clear_images(context, begin, end);
}

static void run_slabs(pass *p) {
    size_t spread_floats = td_wg_tiles_floats(p->sizes.tiles, p->rows);
    p->spread = td_wg_lay_out(p->scratch, p->sizes.tiles, p->rows);
    p->product = td_wg_lay_out(p->scratch + spread_floats, p->sizes.tiles, p->columns);
    if (p->adjoint)
        td_parallel_for(p->tiles / p->grid.image_tiles, 1, clear_task, p);
    for (p->first = 0; p->first < p->tiles; p->first += p->sizes.tiles) {
        p->count = td_size_min(p->sizes.tiles, p->tiles - p->first);
        td_parallel_for(p->count, TD_WG_TASK_TILES, slab_spread, p);
        td_parallel_for(TD_WG_POINTS * td_wg_panels(p->columns), 4, slab_multiply, p);
        if (p->adjoint)
            td_parallel_for(p->columns, TD_WG_PANEL, slab_gather_channels, p);
        else
            td_parallel_for(p->count, TD_WG_TASK_TILES, slab_gather_tiles, p);
    }
}

static void run(pass *p) {
    p->grid = td_wg_make_grid(p->conv);
    p->sizes = td_wg_data_sizes(p->tiles, p->rows, p->columns);
    if (p->sizes.slabs) {
        run_slabs(p);
        return;
    }
    size_t task = p->sizes.tiles;
    if (p->adjoint) /* whole images, for the same reason */
        task = td_size_max(1, p->sizes.tiles / p->grid.image_tiles) * p->grid.image_tiles;
    td_parallel_for(p->tiles, task, run_blocks, p);
}

void td_winograd_forward(const td_winograd *conv, size_t batch, const float *x,
                         const float *transformed, const float *bias, bool relu, float *y,
                         float *scratch) {
    run(&(pass){.conv = conv,
                .tiles = batch * td_wg_make_grid(conv).image_tiles,
                .rows = conv->in,
                .columns = conv->out,
                .source = x,
                .weights = transformed,
                .bias = bias,
                .relu = relu,
                .target = y,
                .scratch = scratch});
}

void td_winograd_backward_input(const td_winograd *conv, size_t batch, const float *dy,
                                const float *transformed, float *dx, float *scratch) {
    run(&(pass){.conv = conv,
                .tiles = batch * td_wg_make_grid(conv).image_tiles,
                .rows = conv->out,
                .columns = conv->in,
                .adjoint = true,
                .source = dy,
                .weights = transformed,
                .target = dx,
                .scratch = scratch});
}
