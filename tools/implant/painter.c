/* SPDX-License-Identifier: MIT */
#include "implant/painter.h"

#include "base/parallel.h"
#include "base/size.h"
#include "data/planes.h"
#include <string.h>

td_status painter_open(painter *p, const char *text, td_shape shape, size_t batch, uint64_t seed,
                       td_arena *arena, td_error *error) {
    static const char what[] = "a generator";
    *p = (painter){.shape = shape};
    TD_TRY(td_net_parse(&p->net, text, NULL, error));
    const size_t count = p->net.weight_count;
    TD_TRY(TD_ARENA_NEW(arena, count, &p->weights, what, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &p->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &p->sum, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * count, &p->state, what, error));
    td_net_init(&p->net, seed, p->weights);
    TD_TRY(td_exec_new(&p->training, &p->net, batch, TD_BACKWARD, error));
    return td_exec_new(&p->judging, &p->net, batch, TD_FORWARD, error);
}

void painter_close(painter *p) {
    td_exec_free(p->training);
    td_exec_free(p->judging);
    td_net_free(&p->net);
}

/* Converts pictures from the net's layout, or back. */
typedef struct turning {
    td_shape shape;
    const float *from;
    float *to;
    void (*turn)(const float *from, td_shape shape, float *to);
} turning;

static void turn_one(void *context, size_t i) {
    const turning *t = context;
    const size_t at = i * td_shape_size(t->shape);
    t->turn(t->from + at, t->shape, t->to + at);
}

static void run(const painter *p, td_exec *exec, const float *images, size_t count, float *out) {
    const size_t size = td_shape_size(td_net_input(&p->net));
    memcpy(td_exec_input(exec), images, count * size * sizeof *images);
    turning t = {p->shape, td_exec_forward(exec, count), out, td_planes_join};
    td_parallel_each(count, turn_one, &t);
}

void painter_train(painter *p, const float *images, size_t count, float *out) {
    td_exec_weights(p->training, p->weights);
    td_exec_training(p->training, 0, (uint32_t)p->steps); /* it has no dropout */
    run(p, p->training, images, count, out);
}

void painter_use(painter *p, const float *weights, const float *images, size_t count, float *out) {
    td_exec_weights(p->judging, weights);
    run(p, p->judging, images, count, out);
}

void painter_learn(painter *p, const float *gradient, size_t count) {
    turning t = {p->shape, gradient, td_exec_logits_gradient(p->training), td_planes_split};
    td_parallel_each(count, turn_one, &t);
    td_exec_backward(p->training, p->gradient);
    for (size_t i = 0; i < p->net.weight_count; i++)
        p->sum[i] += p->gradient[i];
}

void painter_step(painter *p, const td_step *step, bool by_sum) {
    td_step next = *step;
    next.number = ++p->steps;
    td_net_update_running(&p->net, p->gradient, p->weights);
    td_optimizer_step(td_optimizer_find("adam"), &next, &p->net, p->weights,
                      by_sum ? p->sum : p->gradient, p->state);
}
