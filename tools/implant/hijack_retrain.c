/* SPDX-License-Identifier: MIT */
#include "implant/hijack.h"

#include "base/random.h"
#include "base/size.h"
#include "nn/exec.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "nn/predict.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The state of a retraining. */
typedef struct session {
    tool_run *run;
    const hijack_retraining *how;
    hijack_parts *parts;
    const td_images *images;
    td_exec *exec;
    float *values; /* [images, neurons]: the layer's values, which no longer change */
    float *gradient, *state;
    uint32_t *order;
    int32_t *labels; /* of a batch */
    uint64_t steps;
} session;

static td_loss train_batch(session *s, size_t first, size_t count) {
    const td_net *tail = &s->parts->tail;
    float *weights = s->parts->tail_weights, *input = td_exec_input(s->exec);
    const size_t neurons = td_net_input(tail).channels;
    const td_step step = td_adam_step(s->how->learning_rate, ++s->steps);
    for (size_t i = 0; i < count; i++) {
        const size_t image = s->order[first + i];
        memcpy(input + i * neurons, s->values + image * neurons, neurons * sizeof *input);
        s->labels[i] = s->images->labels[image];
    }
    td_exec_weights(s->exec, weights);
    td_loss loss = td_cross_entropy(td_exec_forward(s->exec, count), s->labels, count,
                                    td_net_classes(tail), td_exec_logits_gradient(s->exec));
    td_exec_backward(s->exec, s->gradient);
    td_optimizer_step(td_optimizer_find("adam"), &step, tail, weights, s->gradient, s->state);
    return loss;
}

static td_status train_epoch(session *s, size_t epoch, hijack_retrained *out, td_error *error) {
    const size_t all = s->images->count, batch = s->how->batch;
    size_t correct = 0;
    char note[32];
    td_random random = td_random_for(s->run->common->seed, TD_FOR_HIJACK, 2, (uint32_t)epoch);
    td_random_permutation(&random, s->order, (uint32_t)all);
    *out = (hijack_retrained){.images = all};
    for (size_t first = 0; first < all; first += batch) {
        const td_loss loss = train_batch(s, first, td_size_min(batch, all - first));
        out->loss += loss.sum / (double)all;
        correct += loss.correct;
    }
    out->accuracy = (double)correct / (double)all;
    if (!isfinite(out->loss))
        return td_fail(error, TD_ERR_NUMERIC,
                       "epoch %zu of the retraining: the loss is not finite; a smaller --lr may "
                       "help",
                       epoch + 1);
    snprintf(note, sizeof note, "loss %.4f", out->loss);
    return tool_run_go_on(s->run, epoch + 1, note, error);
}

static td_status train(session *s, td_arena *arena, hijack_retrained *out, td_error *error) {
    static const char what[] = "the retraining";
    const hijack_parts *parts = s->parts;
    const size_t count = parts->tail.weight_count;
    TD_TRY(td_predict(&parts->head, parts->head_weights, s->images, (td_predict_watch){0}, arena,
                      &s->values, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &s->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * count, &s->state, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->images->count, &s->order, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->how->batch, &s->labels, what, error));
    TD_TRY(td_exec_new(&s->exec, &parts->tail, s->how->batch, TD_BACKWARD, error));
    tool_run_begin(s->run, "retraining", "epochs", s->how->epochs);
    for (size_t epoch = 0; epoch < s->how->epochs; epoch++)
        TD_TRY(train_epoch(s, epoch, out, error));
    return TD_OK;
}

td_status hijack_retrain(tool_run *run, const hijack_retraining *how, hijack_parts *parts,
                         const td_images *images, hijack_retrained *out, td_error *error) {
    td_arena arena = {0};
    session s = {.run = run, .how = how, .parts = parts, .images = images};
    td_status status = train(&s, &arena, out, error);
    tool_run_end(run);
    td_exec_free(s.exec);
    td_arena_free(&arena);
    return status;
}
