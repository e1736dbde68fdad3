/* The transform of the weights, and its adjoint for their gradient. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/winograd_steps.h"

/* to[36] = G g Gᵀ for TD_WG_LANES kernels g [3, 3], `tap` and `point` floats between their values.
 */
static void spread_kernels(const float *taps, size_t tap, float *to, size_t point) {
    td_vec half[6][3];
    for (size_t j = 0; j < 3; j++) {
        td_vec column[3], done[6];
        TD_WG_UNROLL
        for (size_t i = 0; i < 3; i++)
            column[i] = td_vec_load(taps + (i * 3 + j) * tap);
        td_wg_step_g(column, done);
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        td_wg_step_g(half[i], done);
        TD_WG_UNROLL
        for (size_t j = 0; j < 6; j++)
            td_vec_store(to + (i * 6 + j) * point, done[j]);
    }
}

/* taps[9] = Gᵀ u G. */
static void gather_kernels(const float *from, size_t point, float *taps, size_t tap) {
    td_vec half[3][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[3];
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = td_vec_load(from + (i * 6 + j) * point);
        td_wg_step_g_adjoint(column, done);
        TD_WG_UNROLL
        for (size_t i = 0; i < 3; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 3; i++) {
        td_vec done[3];
        td_wg_step_g_adjoint(half[i], done);
        TD_WG_UNROLL
        for (size_t j = 0; j < 3; j++)
            td_vec_store(taps + (i * 3 + j) * tap, done[j]);
    }
}

/* Kernel (row, column) of the transformed matrix starts at oihw[row × row_step + column ×
 * column_step]. */
typedef struct weights {
    const float *oihw;
    size_t rows, columns, row_step, column_step;
    float *transformed;
} weights;

/* Items are rows, panel after panel. */
static void transform_rows(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const weights *w = context;
    (void)chunk, (void)thread;
    for (size_t item = begin; item < end; item++) {
        size_t panel = item / w->rows, row = item % w->rows, column = panel * TD_WG_PANEL;
        const float *from = w->oihw + row * w->row_step + column * w->column_step;
        float taps[9][TD_WG_PANEL] = {0};
        for (size_t c = 0; c < td_size_min(TD_WG_PANEL, w->columns - column); c++)
            for (size_t tap = 0; tap < 9; tap++)
                taps[tap][c] = from[c * w->column_step + tap];
        float *to = w->transformed + panel * td_wg_panel_floats(w->rows) + row * TD_WG_PANEL;
        for (size_t half = 0; half < TD_WG_PANEL; half += TD_WG_LANES)
            spread_kernels(&taps[0][half], TD_WG_PANEL, to + half, td_wg_panel_point(w->rows));
    }
}

static void transform(weights *w) {
    td_parallel_for(td_wg_panels(w->columns) * w->rows, 32, transform_rows, w);
}

void td_winograd_weights(const td_winograd *conv, const float *oihw, float *transformed) {
    transform(&(weights){.oihw = oihw,
                         .rows = conv->in,
                         .columns = conv->out,
                         .row_step = 9,
                         .column_step = conv->in * 9,
                         .transformed = transformed});
}

void td_winograd_weights_backward(const td_winograd *conv, const float *oihw, float *transformed) {
    transform(&(weights){.oihw = oihw,
                         .rows = conv->out,
                         .columns = conv->in,
                         .row_step = conv->in * 9,
                         .column_step = 9,
                         .transformed = transformed});
}

void td_wg_weight_gradient(const td_winograd *conv, const float *du, size_t point, size_t panel,
                           size_t begin, size_t end, bool add, float *dw) {
    size_t columns = td_size_min(conv->out - panel * TD_WG_PANEL, TD_WG_PANEL);
    for (size_t row = begin; row < end; row++, du += TD_WG_PANEL) {
        float taps[9][TD_WG_PANEL];
        for (size_t half = 0; half < columns; half += TD_WG_LANES)
            gather_kernels(du + half, point, &taps[0][half], TD_WG_PANEL);
        float *to = dw + (panel * TD_WG_PANEL * conv->in + row) * 9;
        for (size_t c = 0; c < columns; c++)
            for (size_t tap = 0; tap < 9; tap++) {
                float *value = to + c * conv->in * 9 + tap;
                *value = taps[tap][c] + (add ? *value : 0);
            }
    }
}
