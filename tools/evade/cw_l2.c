/* SPDX-License-Identifier: MIT */
/* Carlini and Wagner's L2 attack (cw.h; section VI-A): the distance is ‖x' − x‖², and a binary
 * search finds the least constant c that succeeds; until the first success c grows tenfold. The
 * result is the nearest success. */
#include "evade/cw.h"

#include <math.h>

/* The result's distance, after rounding for the file. */
static double shown_distance(const cw *c, size_t image) {
    const size_t size = c->batch->net->size;
    const float *shown = c->shown + image * size, *clean = c->batch->clean + image * size;
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)(shown[i] - clean[i]) * (double)(shown[i] - clean[i]);
    return sum;
}

/* Tries the next constant, again from the clean image. */
static void search(cw *c, size_t image) {
    cw_image *state = &c->images[image];
    *(state->found ? &state->upper : &state->lower) = state->constant;
    state->constant =
        isinf(state->upper) ? 10 * state->constant : (state->lower + state->upper) / 2;
    state->found = false;
    if (++state->searched >= c->settings->binary_search) {
        c->batch->done[image] = true;
        return;
    }
    cw_restart(c, image, c->batch->clean + image * c->batch->net->size);
}

static bool advance(cw *c, size_t image) {
    cw_image *state = &c->images[image];
    if (cw_succeeded(c, image)) {
        double distance = shown_distance(c, image);
        state->found = true;
        if (distance < state->best) {
            state->best = distance;
            cw_keep(c, image);
        }
    }
    if (!cw_is_stuck(c, image))
        return true;
    search(c, image);
    return false;
}

static td_status run(evade_batch *batch, td_error *error) {
    static const cw_kind kind = {cw_squared_distance, advance};
    return cw_run(batch, &kind, error);
}

static const attack math = {.gradients = true, .at_once = EVADE_BATCH, .run = run};

static const td_key keys[] = {
    CW_KEYS("0.01", "0.001"),
    {"binary-search", TD_KEY_COUNT, CW_AT(binary_search), .least = 1, .most = 100, .standard = "9",
     .field = "binary-search", .value = "N", .help = "Values of the constant to try"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = evade_target_next}, {.keys = keys, .object = "settings"}, {0}};

const tool_method evade_cw_l2 = {
    .name = "cw-l2",
    .title = "C&W L2",
    .source = "Carlini and Wagner, IEEE S&P 2017",
    .doc = "the least L2 change, by Adam and a binary search",
    .help = "Adam searches the nearest image in L2 of another class; a binary search finds the "
            "constant that weighs the logits.\vExample:\n  trapdoor-evade cw-l2 --model "
            "model.safetensors --data mnist --count 100 \\\n    --target least-likely -o "
            "cw.safetensors --picture cw.png --json cw.json",
    .family = &attacks,
    .groups = groups,
    .size = sizeof(cw_settings),
    .math = &math,
};
