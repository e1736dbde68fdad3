/* SPDX-License-Identifier: MIT */
/* Adversarial training: Madry et al., "Towards deep learning models resistant to adversarial
 * attacks", ICLR 2018: each batch is replaced by adversarial examples, from projected gradient
 * ascent on the loss starting at a random point of the L∞ ball around its images. */
#include "base/parallel.h"
#include "base/random.h"
#include "nn/ball.h"
#include "train/train.h"
#include <string.h>

typedef struct adversary {
    td_ball ball;
    float step;
    size_t steps, size;
    float *clean, *x; /* [batch, size] */
    const float *gradient;
    const td_train_batch *batch;
} adversary;

static void draw_one(void *context, size_t i) {
    const adversary *a = context;
    const td_train_batch *b = a->batch;
    const size_t first = i * a->size;
    td_ball_draw(a->ball, a->clean + first,
                 td_random_for(b->options->seed, TD_FOR_ADVERSARY, (uint32_t)b->epoch, b->order[i]),
                 a->size, a->x + first);
}

static void step_one(void *context, size_t i) {
    const adversary *a = context;
    const size_t first = i * a->size;
    td_ball_step(a->ball, a->clean + first, a->gradient + first, a->step, a->size, a->x + first);
}

static td_loss pass(adversary *a, td_train_batch *batch, const float **pixels) {
    memcpy(td_exec_input(batch->exec), a->x, batch->count * a->size * sizeof *a->x);
    return td_train_pass(batch, batch->gradient, pixels);
}

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    adversary *a = context;
    (void)error;
    td_train_feed(batch);
    a->batch = batch;
    memcpy(a->clean, td_exec_input(batch->exec), batch->count * a->size * sizeof *a->clean);
    td_parallel_each(batch->count, draw_one, a);
    for (size_t i = 0; i < a->steps; i++) {
        pass(a, batch, &a->gradient);
        td_parallel_each(batch->count, step_one, a);
    }
    *loss = pass(a, batch, NULL);
    return TD_OK;
}

td_status train_adversarially(train_job *job, td_train_options *options, td_error *error) {
    const train_settings *s = job->settings;
    adversary *a;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &a, "the training", error));
    *a = (adversary){.ball = {(float)(255 * s->adversarial), false},
                     .step = (float)(255 * 2.5 * s->adversarial / (double)s->adversarial_steps),
                     .steps = s->adversarial_steps,
                     .size = td_image_size(&job->learned)};
    const size_t values = (options->batch + 1) * a->size; /* td_train_joins */
    TD_TRY(TD_ARENA_NEW(&job->run->arena, values, &a->clean, "a batch", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, values, &a->x, "a batch", error));
    options->learn = learn;
    options->learn_context = a;
    options->pixel_gradient = true;
    return TD_OK;
}
