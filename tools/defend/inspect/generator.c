/* SPDX-License-Identifier: MIT */
#include "defend/inspect/generator.h"

#include "base/random.h"
#include "nn/optimizer.h"
#include <stdio.h>
#include <string.h>

enum { NOISE = 32, WIDE = 64, NARROW = 32 };

static const float SMALL = 0.1F;

/* Half a side, rounded up. A stride of 2 inverts it, with one more row for an even side. */
static size_t half(size_t side) {
    return (side + 1) / 2;
}

static td_status parse(generator *g, td_error *error) {
    const size_t h = g->image.height, w = g->image.width, mid_h = half(h), mid_w = half(w);
    char text[1024];
    snprintf(text, sizeof text,
             "input = image() height=1 width=1 channels=%zu\n"
             "fc = conv-transpose(input) out=%d kernel=%zux%zu\n" /* dense, to places */
             "bn1 = batch-norm(fc)\n"
             "relu1 = relu(bn1)\n"
             "up1 = conv-transpose(relu1) out=%d kernel=5 stride=2 pad=2 output_pad=%dx%d\n"
             "bn2 = batch-norm(up1)\n"
             "relu2 = relu(bn2)\n"
             "up2 = conv-transpose(relu2) out=%zu kernel=5 stride=2 pad=2 output_pad=%dx%d\n"
             "change = tanh(up2)\n"
             "flat = flatten(change)\n",
             g->noise + g->classes, WIDE, half(mid_h), half(mid_w), NARROW, mid_h % 2 == 0,
             mid_w % 2 == 0, g->image.channels, h % 2 == 0, w % 2 == 0);
    return td_net_parse(&g->net, text, NULL, error);
}

/* The last layer starts small, so that the triggers do too. */
static void init(generator *g, uint64_t seed) {
    td_net_init(&g->net, seed, g->weights);
    for (size_t i = 0; i < g->net.param_count; i++) {
        const td_param *param = &g->net.params[i];
        for (size_t k = 0; strcmp(param->name, "up2.weight") == 0 && k < param->count; k++)
            g->weights[param->offset + k] *= SMALL;
    }
}

static td_status open(generator *g, size_t batch, uint64_t seed, td_error *error) {
    static const char what[] = "the generator";
    TD_TRY(parse(g, error));
    const size_t count = g->net.weight_count;
    TD_TRY(TD_ARENA_NEW(&g->arena, count, &g->weights, what, error));
    TD_TRY(TD_ARENA_NEW(&g->arena, count, &g->gradient, what, error));
    TD_TRY(td_arena_alloc(&g->arena, count, 2 * sizeof *g->state, (void **)&g->state, what, error));
    init(g, seed);
    TD_TRY(td_exec_new(&g->training, &g->net, batch, TD_BACKWARD, error));
    return td_exec_new(&g->judging, &g->net, batch, TD_FORWARD, error);
}

td_status generator_open(generator *g, td_shape image, size_t classes, size_t batch, uint64_t seed,
                         td_error *error) {
    *g = (generator){.image = image, .noise = NOISE, .classes = classes};
    td_status status = open(g, batch, seed, error);
    if (status != TD_OK)
        generator_close(g);
    return status == TD_ERR_FORMAT ? td_fail_within(error, status, "the generator") : status;
}

void generator_close(generator *g) {
    td_exec_free(g->training);
    td_exec_free(g->judging);
    td_net_free(&g->net);
    td_arena_free(&g->arena);
    *g = (generator){0};
}

void generator_feed(const generator *g, uint64_t seed, uint32_t epoch, const int32_t *targets,
                    size_t count, float *input) {
    const size_t width = g->noise + g->classes;
    memset(input, 0, count * width * sizeof *input);
    for (size_t i = 0; i < count; i++) {
        td_random random = td_random_for(seed, TD_FOR_GENERATE, epoch, (uint32_t)i);
        float *row = input + i * width;
        for (size_t k = 0; k < g->noise; k++)
            row[k] = td_random_normal(&random);
        row[g->noise + (size_t)targets[i]] = 1;
    }
}

void generator_step(generator *g, double learning_rate, uint64_t number) {
    const td_step step = td_adam_step(learning_rate, number);
    td_net_update_running(&g->net, g->gradient, g->weights);
    td_optimizer_step(td_optimizer_find("adam"), &step, &g->net, g->weights, g->gradient, g->state);
}
