/* The gradient of the weights: with M = A dY Aᵀ and V = Bᵀ d B, dU = Σ V ⊙ M over the tiles, and
 * dw = Gᵀ dU G.
 *
 * Where dU is small, the tiles are cut into a fixed number of groups, each group has a dU of its
 * own that stays in the second-level cache, and these are added up in order. Where it is large,
 * both transforms run over a slab of tiles, and then each task takes some input channels and a
 * panel of output channels through all points, so that dU is never whole. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/winograd_inner.h"

typedef struct pass {
    const td_winograd *conv;
    td_wg_sizes sizes;
    size_t tiles;
    const float *x, *dy;
    float *dw, *dbias;
    float *scratch;      /* of the threads */
    float *partial;      /* dU of the groups */
    float *sums;         /* dbias of the groups, or of a slab's chunks */
    size_t first, count; /* the slab's tiles */
    td_wg_tiles input, gradient;
} pass;

/* du[point][row][column] (+)= the products of `count` tiles for input channels begin … end − 1 and
 * one panel of output channels. */
static void multiply(const pass *p, td_wg_tiles input, td_wg_tiles gradient, size_t count,
                     size_t begin, size_t end, size_t panel, bool add, float *du, size_t du_point) {
    for (size_t point = 0; point < TD_WG_POINTS; point++) {
        const td_wg_product product = {
            .rows = end - begin,
            .columns = p->conv->out - panel * TD_WG_PANEL,
            .depth = count,
            .a = input.values + point * input.point + begin,
            .a_row = 1,
            .a_depth = input.tile,
            .b = gradient.values + point * gradient.point + panel * TD_WG_PANEL,
            .b_depth = gradient.tile,
            .c = du + point * du_point,
            .c_row = TD_WG_PANEL,
            .add = add,
        };
        td_wg_multiply(&product);
    }
}

/* Zeroed room for the sum of dy over a group or chunk; NULL where it is not wanted. */
static float *start_sums(const pass *p, size_t chunk) {
    if (!p->dbias)
        return NULL;
    float *sums = p->sums + chunk * p->conv->out;
    memset(sums, 0, p->conv->out * sizeof(float));
    return sums;
}

static void add_sums(const pass *p, size_t count) {
    if (!p->dbias)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < p->conv->out; c++)
            p->dbias[c] += p->sums[i * p->conv->out + c];
}

/* One group: a block of tiles at a time. */
static void run_group(void *context, size_t begin, size_t end, size_t group, size_t thread) {
    const pass *p = context;
    const td_winograd *conv = p->conv;
    size_t size = p->sizes.tiles, du_point = td_wg_panel_point(conv->in);
    size_t input_floats = td_wg_tiles_floats(size, conv->in);
    float *scratch = p->scratch + thread * (input_floats + td_wg_tiles_floats(size, conv->out));
    td_wg_tiles input = td_wg_lay_out(scratch, size, conv->in);
    td_wg_tiles gradient = td_wg_lay_out(scratch + input_floats, size, conv->out);
    float *du = p->partial + group * p->sizes.weights;
    float *sums = start_sums(p, group);
    for (size_t first = begin; first < end; first += size) {
        size_t count = td_size_min(size, end - first);
        td_wg_spread_input(conv, p->x, first, count, input);
        td_wg_spread_gradient(conv, p->dy, first, count, gradient, sums);
        for (size_t panel = 0; panel < td_wg_panels(conv->out); panel++)
            multiply(p, input, gradient, count, 0, conv->in, panel, first > begin,
                     du + panel * td_wg_panel_floats(conv->in), du_point);
    }
}

/* Adds the groups up for some (panel, input channel) and transforms back. */
static void reduce_groups(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    size_t in = p->conv->in, groups = td_chunks(p->tiles, p->sizes.group);
    (void)chunk, (void)thread;
    for (size_t item = begin; item < end; item++) {
        size_t panel = item / in, row = item % in;
        float du[TD_WG_POINTS][TD_WG_PANEL];
        for (size_t point = 0; point < TD_WG_POINTS; point++) {
            const float *from = p->partial + panel * td_wg_panel_floats(in) +
                                point * td_wg_panel_point(in) + row * TD_WG_PANEL;
            memcpy(du[point], from, sizeof(du[point]));
            for (size_t group = 1; group < groups; group++)
                for (size_t c = 0; c < TD_WG_PANEL; c++)
                    du[point][c] += from[group * p->sizes.weights + c];
        }
        td_wg_weight_gradient(p->conv, du[0], TD_WG_PANEL, panel, row, row + 1, false, p->dw);
    }
}

static void run_groups(pass *p) {
    const td_winograd *conv = p->conv;
    size_t groups = td_chunks(p->tiles, p->sizes.group);
    p->partial = p->scratch + td_threads() * (td_wg_tiles_floats(p->sizes.tiles, conv->in) +
                                              td_wg_tiles_floats(p->sizes.tiles, conv->out));
    p->sums = p->partial + groups * p->sizes.weights;
    td_parallel_for(p->tiles, p->sizes.group, run_group, p);
    td_parallel_for(td_wg_panels(conv->out) * conv->in, 16, reduce_groups, p);
    add_sums(p, groups);
}

static void slab_spread(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    td_wg_tiles input = p->input, gradient = p->gradient;
    float *sums = start_sums(p, chunk);
    (void)thread;
    input.values += begin * input.tile;
    gradient.values += begin * gradient.tile;
    td_wg_spread_input(p->conv, p->x, p->first + begin, end - begin, input);
    td_wg_spread_gradient(p->conv, p->dy, p->first + begin, end - begin, gradient, sums);
}

static void slab_multiply(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    size_t in = p->conv->in, panels = td_wg_panels(p->conv->out);
    size_t du_point = td_wg_panel_point(TD_WG_TASK_ROWS);
    float *du = p->scratch + thread * td_wg_panel_floats(TD_WG_TASK_ROWS);
    (void)chunk;
    for (size_t item = begin; item < end; item++) {
        size_t row = item / panels * TD_WG_TASK_ROWS, panel = item % panels;
        size_t row_end = td_size_min(row + TD_WG_TASK_ROWS, in);
        multiply(p, p->input, p->gradient, p->count, row, row_end, panel, false, du, du_point);
        td_wg_weight_gradient(p->conv, du, du_point, panel, row, row_end, p->first > 0, p->dw);
    }
}

static void run_slabs(pass *p) {
    const td_winograd *conv = p->conv;
    float *input = p->scratch + td_threads() * td_wg_panel_floats(TD_WG_TASK_ROWS);
    float *gradient = input + td_wg_tiles_floats(p->sizes.tiles, conv->in);
    p->input = td_wg_lay_out(input, p->sizes.tiles, conv->in);
    p->gradient = td_wg_lay_out(gradient, p->sizes.tiles, conv->out);
    p->sums = gradient + td_wg_tiles_floats(p->sizes.tiles, conv->out);
    for (p->first = 0; p->first < p->tiles; p->first += p->sizes.tiles) {
        p->count = td_size_min(p->sizes.tiles, p->tiles - p->first);
        td_parallel_for(p->count, TD_WG_TASK_TILES, slab_spread, p);
        add_sums(p, td_chunks(p->count, TD_WG_TASK_TILES));
        td_parallel_for(td_chunks(conv->in, TD_WG_TASK_ROWS) * td_wg_panels(conv->out), 1,
                        slab_multiply, p);
    }
}

void td_winograd_backward_weights(const td_winograd *conv, size_t batch, const float *x,
                                  const float *dy, float *dw, float *dbias, float *scratch) {
    pass p = {.conv = conv,
              .tiles = batch * td_wg_make_grid(conv).image_tiles,
              .x = x,
              .dy = dy,
              .dw = dw,
              .dbias = dbias,
              .scratch = scratch};
    p.sizes = td_wg_weight_sizes(conv, p.tiles);
    if (dbias)
        memset(dbias, 0, conv->out * sizeof(float));
    if (p.sizes.slabs)
        run_slabs(&p);
    else
        run_groups(&p);
}
