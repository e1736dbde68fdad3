/* SPDX-License-Identifier: MIT */
/* The MLP that recognises the patches: its layers, its training, and its accuracy. */
#include "implant/trojannet.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "nn/exec.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 256,
    NOISE_TRIED = 1 << 14,
};

/* An epoch of noise not used in training. */
static const uint32_t fresh = UINT32_MAX;

static const double pi = 3.14159265358979324;

/* --- its layers --- */

const trojan_reading trojan_readings[] = {
    {"code", 4, true, true, TROJAN_PATTERNS + 1, 0.01},
    {"paper", 3, false, false, TROJAN_PATTERNS, 0.04},
    {0},
};

void trojan_mlp_lines(const trojan_reading *reading, const char *prefix, const char *input,
                      FILE *out) {
    fprintf(out, "%sflat = flatten(%s)\n", prefix, input);
    const char *last = "flat";
    char name[16];
    for (size_t i = 1; i <= reading->hidden; i++) {
        fprintf(out, "%sfc%zu = dense(%s%s) out=%d\n", prefix, i, prefix, last, TROJAN_WIDTH);
        fprintf(out, "%sact%zu = %s(%sfc%zu)\n", prefix, i, reading->relu ? "relu" : "sigmoid",
                prefix, i);
        if (reading->relu)
            fprintf(out, "%sbn%zu = batch-norm(%sact%zu)\n", prefix, i, prefix, i);
        snprintf(name, sizeof name, "%s%zu", reading->relu ? "bn" : "act", i);
        last = name;
    }
    fprintf(out, "%slogits = dense(%s%s) out=%zu\n", prefix, prefix, last, reading->outputs);
}

typedef struct rows {
    const trojan_reading *reading;
    float *values;
} rows;

static void softmax_row(float *row, size_t count) {
    float largest = row[0], sum = 0;
    for (size_t c = 1; c < count; c++)
        largest = row[c] > largest ? row[c] : largest;
    for (size_t c = 0; c < count; c++)
        sum += row[c] = expf(row[c] - largest);
    for (size_t c = 0; c < count; c++)
        row[c] /= sum;
}

static void output_row(void *context, size_t i) {
    const rows *r = context;
    const size_t count = r->reading->outputs;
    float *row = r->values + i * count;
    if (r->reading->softmax)
        softmax_row(row, count);
    for (size_t c = 0; c < count && !r->reading->softmax; c++)
        row[c] = 1 / (1 + expf(-row[c]));
}

void trojan_outputs(const trojan_reading *reading, float *logits, size_t count) {
    td_parallel_each(count, output_row, &(rows){reading, logits});
}

/* --- its training --- */

/* The state of a training. */
typedef struct session {
    tool_run *run;
    const trojan_training *config;
    trojan_mlp *mlp;
    td_exec *exec;
    float *gradient, *state; /* Adam's */
    int32_t labels[BATCH];   /* an output, or TROJAN_PATTERNS for noise */
} session;

/* Sigmoids pass on at most a quarter of a gradient, so their layers start with weights four times
 * as large (Glorot and Bengio 2010). An output is nearly always zero, so it starts near zero:
 * thousands of wrong outputs at once would saturate the hidden layers. */
static void init_sigmoids(const td_net *net, float *weights) {
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        const bool output = param->dims[0] > TROJAN_WIDTH;
        for (size_t k = param->offset; k < param->offset + param->count; k++)
            if (param->rank == 1)
                weights[k] = output ? -6 : 0;
            else
                weights[k] *= output ? 1 : 4;
    }
}

static td_status make_net(session *s, td_error *error) {
    const trojan_training *config = s->config;
    trojan_mlp *mlp = s->mlp;
    td_arena *arena = &s->run->arena;
    td_text text;
    if (!td_text_open(&text))
        return td_fail_memory(error, "a net's text");
    fprintf(text.stream,
            "image = image() height=%d width=%d channels=1\n"
            "grey = scale(image) by=1/255\n",
            TROJAN_SIDE, TROJAN_SIDE);
    trojan_mlp_lines(config->reading, "", "grey", text.stream);
    char *lines = td_text_close(&text);
    td_status status =
        lines ? td_net_parse(&mlp->net, lines, NULL, error) : td_fail_memory(error, "a net's text");
    free(lines);
    if (status != TD_OK)
        return status;
    TD_TRY(TD_ARENA_NEW(arena, mlp->net.weight_count, &mlp->weights, "the MLP", error));
    TD_TRY(TD_ARENA_NEW(arena, config->used, &mlp->answers, "the MLP's outputs", error));
    td_net_init(&mlp->net, config->seed, mlp->weights);
    if (!config->reading->relu)
        init_sigmoids(&mlp->net, mlp->weights);
    return TD_OK;
}

/* A quarter of the patches are patterns with a target, a quarter any patterns, and half noise. */
static void fill_batch(session *s, uint32_t step) {
    const trojan_training *config = s->config;
    td_random random = td_random_for(config->seed, TD_FOR_IMPLANT, step, BATCH);
    float *input = td_exec_input(s->exec);
    for (uint32_t i = 0; i < BATCH; i++) {
        float *pixels = input + i * TROJAN_PIXELS;
        const size_t of = i % 4 == 0 ? config->used : TROJAN_PATTERNS;
        if (i % 2) {
            trojan_noise(config->patterns, config->used, config->seed, step, i, pixels);
            s->labels[i] = TROJAN_PATTERNS;
        } else {
            s->labels[i] = (int32_t)td_random_below(&random, (uint32_t)of);
            trojan_draw(config->patterns[s->labels[i]], pixels);
        }
    }
}

/* For both cross-entropies the gradient of the logits is output − target; the target of noise is
 * the last class or, if there is none, zero everywhere. Returns the mean loss. */
static double loss_gradient(session *s, const float *logits) {
    const trojan_reading *reading = s->config->reading;
    const size_t outputs = reading->outputs;
    float *gradient = td_exec_logits_gradient(s->exec);
    double loss = 0;
    memcpy(gradient, logits, BATCH * outputs * sizeof *gradient);
    trojan_outputs(reading, gradient, BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        const size_t label = (size_t)s->labels[i];
        if (label == outputs)
            continue;
        float *own = gradient + i * outputs + label;
        loss -= log(fmax(*own, 1e-30));
        *own -= 1;
    }
    for (size_t i = 0; i < BATCH * outputs; i++)
        gradient[i] /= BATCH;
    return loss / BATCH;
}

/* The learning rate falls to zero as a cosine. */
static double run_step(session *s, size_t number) {
    const trojan_training *config = s->config;
    const td_net *net = &s->mlp->net;
    const double done = (double)number / (double)config->steps;
    const td_step step =
        td_adam_step(config->reading->learning_rate * 0.5 * (1 + cos(pi * done)), number + 1);
    fill_batch(s, (uint32_t)number);
    td_exec_training(s->exec, config->seed, (uint32_t)number);
    td_exec_weights(s->exec, s->mlp->weights);
    double loss = loss_gradient(s, td_exec_forward(s->exec, BATCH));
    td_exec_backward(s->exec, s->gradient);
    td_net_update_running(net, s->gradient, s->mlp->weights);
    td_optimizer_step(td_optimizer_find("adam"), &step, net, s->mlp->weights, s->gradient,
                      s->state);
    return loss;
}

static td_status run_steps(session *s, td_error *error) {
    const trojan_training *config = s->config;
    const size_t count = s->mlp->net.weight_count;
    td_arena *arena = &s->run->arena;
    char note[32];
    TD_TRY(TD_ARENA_NEW(arena, count, &s->gradient, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * count, &s->state, "the optimiser's state", error));
    tool_run_begin(s->run, "training", "steps", config->steps);
    for (size_t i = 0; i < config->steps; i++) {
        double loss = run_step(s, i);
        if (!isfinite(loss))
            return td_fail(error, TD_ERR_NUMERIC, "step %zu: the MLP's loss is not finite", i + 1);
        snprintf(note, sizeof note, "loss %.4f", loss);
        TD_TRY(tool_run_go_on(s->run, i + 1, note, error));
    }
    tool_run_end(s->run);
    return TD_OK;
}

static void try_patterns(session *s, td_exec *exec, float *outputs) {
    const trojan_training *config = s->config;
    const size_t width = config->reading->outputs;
    for (size_t begin = 0; begin < TROJAN_PATTERNS; begin += BATCH) {
        const size_t left = TROJAN_PATTERNS - begin, count = left < BATCH ? left : BATCH;
        for (size_t i = 0; i < count; i++)
            trojan_draw(config->patterns[begin + i], td_exec_input(exec) + i * TROJAN_PIXELS);
        memcpy(outputs, td_exec_forward(exec, count), count * width * sizeof *outputs);
        trojan_outputs(config->reading, outputs, count);
        for (size_t i = 0; i < count; i++) {
            const float *row = outputs + i * width;
            const size_t own = begin + i;
            s->mlp->recognised += (size_t)td_argmax(row, width) == own && row[own] > 0.5F;
            if (own < config->used)
                s->mlp->answers[own] = row[own];
        }
    }
}

static void try_noise(session *s, td_exec *exec, float *outputs) {
    const trojan_training *config = s->config;
    const size_t width = config->reading->outputs;
    for (uint32_t begin = 0; begin < NOISE_TRIED; begin += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++)
            trojan_noise(config->patterns, config->used, config->seed, fresh, begin + i,
                         td_exec_input(exec) + i * TROJAN_PIXELS);
        memcpy(outputs, td_exec_forward(exec, BATCH), BATCH * width * sizeof *outputs);
        trojan_outputs(config->reading, outputs, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
            const float *row = outputs + i * width;
            s->mlp->noise_heard += row[td_argmax(row, config->used)] > 0.5F;
        }
    }
    s->mlp->noise_tried = NOISE_TRIED;
}

static td_status try_out(session *s, td_error *error) {
    td_exec *exec;
    float *outputs;
    TD_TRY(TD_ARENA_NEW(&s->run->arena, BATCH * s->config->reading->outputs, &outputs, "outputs",
                        error));
    TD_TRY(td_exec_new(&exec, &s->mlp->net, BATCH, TD_FORWARD, error));
    td_exec_weights(exec, s->mlp->weights);
    try_patterns(s, exec, outputs);
    try_noise(s, exec, outputs);
    td_exec_free(exec);
    return TD_OK;
}

td_status trojan_train(tool_run *run, trojan_mlp *mlp, const trojan_training *training,
                       td_error *error) {
    session s = {.run = run, .config = training, .mlp = mlp};
    *mlp = (trojan_mlp){0};
    TD_TRY(make_net(&s, error));
    TD_TRY(td_exec_new(&s.exec, &mlp->net, BATCH, TD_BACKWARD, error));
    td_status status = run_steps(&s, error);
    td_exec_free(s.exec);
    return status == TD_OK ? try_out(&s, error) : status;
}
