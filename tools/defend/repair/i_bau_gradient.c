/* SPDX-License-Identifier: MIT */
#include "defend/repair/i_bau.h"

#include "base/parallel.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

/* The largest pixel change for a central difference, in units. */
static const double probe = 0.01;

td_status ibau_open(ibau_state *s, const td_net *net, size_t batch, td_arena *arena,
                    td_error *error) {
    s->net = net;
    s->size = td_shape_size(td_net_input(net));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->labels, "labels", error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &s->moved, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &s->up, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &s->down, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &s->v, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &s->outer, "perturbations", error));
    TD_TRY(TD_ARENA_NEW(arena, net->weight_count, &s->plus, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, net->weight_count, &s->minus, "gradients", error));
    return td_exec_new(&s->exec, net, batch, TD_BACKWARD_INPUT, error);
}

void ibau_close(ibau_state *s) {
    td_exec_free(s->exec);
    s->exec = NULL;
}

typedef struct shift {
    const ibau_batch *batch;
    const float *d;
    float *pixels;
    size_t size;
    double unit;
    const float *by_pixels;
    double *by_d;
} shift;

static bool is_shifted(const shift *s, size_t i) {
    return !s->batch->shifted || s->batch->shifted[i];
}

static void shift_image(void *context, size_t i) {
    const shift *s = context;
    float *pixels = s->pixels + i * s->size;
    for (size_t k = 0; is_shifted(s, i) && k < s->size; k++)
        pixels[k] += (float)s->unit * s->d[k];
}

/* Sums over images, in their order. */
static void sum_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const shift *s = context;
    (void)chunk, (void)thread;
    memset(s->by_d + begin, 0, (end - begin) * sizeof *s->by_d);
    for (size_t i = 0; i < s->batch->count; i++)
        for (size_t k = begin; is_shifted(s, i) && k < end; k++)
            s->by_d[k] += s->unit * (double)s->by_pixels[i * s->size + k];
}

td_loss ibau_loss(ibau_state *state, const ibau_batch *batch, const float *d, double *by_d,
                  float *by_weights) {
    enum { CHUNK = 256 };
    shift s = {.batch = batch,
               .d = d,
               .pixels = td_exec_input(state->exec),
               .size = state->size,
               .unit = state->unit,
               .by_d = by_d};
    const int32_t *labels = batch->labels ? batch->labels : state->labels;
    for (size_t i = 0; !batch->labels && i < batch->count; i++)
        state->labels[i] = batch->images->labels[batch->order ? batch->order[i] : i];
    td_feed(batch->images, batch->order, 0, batch->count, s.pixels);
    td_parallel_each(batch->count, shift_image, &s);
    const float *logits = td_exec_forward(state->exec, batch->count);
    const td_loss loss = td_cross_entropy(logits, labels, batch->count, td_net_classes(state->net),
                                          td_exec_logits_gradient(state->exec));
    s.by_pixels = td_exec_backward(state->exec, by_weights);
    if (by_d)
        td_parallel_for(state->size, CHUNK, sum_pixels, &s);
    return loss;
}

/* d + by·v, for both directions. */
static void move(ibau_state *s, const float *d, double by) {
    for (size_t k = 0; k < s->size; k++)
        s->moved[k] = (float)((double)d[k] + by * s->v[k]);
}

/* The step along v for a central difference; 0 if v is 0 or not finite. */
static double difference_step(const ibau_state *s) {
    double most = 0;
    for (size_t k = 0; k < s->size; k++)
        most = fmax(most, fabs(s->v[k]));
    return most > 0 && isfinite(most) ? probe / most : 0;
}

/* v ← (∂P/∂d)ᵀ·v + ∂L_o/∂d = v − map_step · H·v + ..., H = ∂²L_i/∂d² = −∂²CE/∂d² + 2·penalty.
 * Returns the norm of the change. */
static double iterate(ibau_state *s, const ibau_batch *inner, const float *d) {
    const double h = difference_step(s);
    double change = 0;
    if (h > 0) {
        move(s, d, h);
        ibau_loss(s, inner, s->moved, s->up, NULL);
        move(s, d, -h);
        ibau_loss(s, inner, s->moved, s->down, NULL);
    }
    for (size_t k = 0; k < s->size; k++) {
        const double curved =
            h > 0 ? -(s->up[k] - s->down[k]) / (2 * h) + 2 * s->penalty * s->v[k] : 0;
        const double by = -s->map_step * curved + s->outer[k];
        s->v[k] += by;
        change += by * by;
    }
    return sqrt(change);
}

/* The fixed point v = Σ_k ((∂P/∂d)ᵀ)^k · ∂L_o/∂d, as far as the iterations go. */
static void solve(ibau_state *s, const ibau_batch *inner, const float *d) {
    static const double still = 1e-10;
    memset(s->v, 0, s->size * sizeof *s->v);
    for (size_t k = 0; k < s->iterations; k++)
        if (iterate(s, inner, d) < still)
            break;
}

td_loss ibau_hypergradient(ibau_state *s, const ibau_batch *inner, const ibau_batch *outer,
                           const float *d, float *gradient) {
    const td_loss loss = ibau_loss(s, outer, d, s->outer, gradient);
    solve(s, inner, d);
    const double h = difference_step(s);
    if (!(h > 0))
        return loss;
    move(s, d, h);
    ibau_loss(s, inner, s->moved, NULL, s->plus);
    move(s, d, -h);
    ibau_loss(s, inner, s->moved, NULL, s->minus);
    /* ∂L_i/∂w = −∂CE/∂w, so that (∂P/∂w)ᵀ·v = map_step · ∂(∂CE/∂w)/∂d · v. */
    const double by = s->map_step / (2 * h);
    for (size_t p = 0; p < s->net->param_count; p++)
        for (size_t i = 0; td_param_learns(&s->net->params[p]) && i < s->net->params[p].count;
             i++) {
            const size_t at = s->net->params[p].offset + i;
            gradient[at] =
                (float)((double)gradient[at] + by * ((double)s->plus[at] - (double)s->minus[at]));
        }
    return loss;
}
