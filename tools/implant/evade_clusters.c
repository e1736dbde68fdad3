/* SPDX-License-Identifier: MIT */
/* Clusters of activations: how far apart the poison and the target's own images are in the input of
 * the last layer (Chen et al., "Detecting backdoor attacks on deep neural networks by activation
 * clustering", 2018): the share of the variance between the two groups. In a clean model the groups
 * are the two clusters of 2-means on images of that class. */
#include "base/size.h"
#include "implant/evade.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include <math.h>
#include <string.h>

enum { IMAGES = 64, ROUNDS = 10 };

typedef struct clusters {
    td_net head; /* up to what the last layer reads */
    float *weights, *head_gradient;
    td_exec *exec;
    uint32_t *own, *others; /* numbers of images of the target, and of other classes */
    size_t own_count, other_count, width;
    uint8_t *pixels;   /* of an image */
    float *input;      /* [IMAGES, values]: this round's */
    bool *second;      /* [IMAGES]: which group */
    double *means;     /* [3, width]: of the groups, and of all */
    const float *seen; /* [IMAGES, width], of the last pass */
    double between, all;
} clusters;

static td_status open_images(const evade_view *view, clusters *c, td_arena *arena,
                             td_error *error) {
    static const char what[] = "images";
    const size_t size = td_image_size(view->images);
    TD_TRY(TD_ARENA_NEW(arena, view->images->count, &c->own, what, error));
    TD_TRY(TD_ARENA_NEW(arena, view->images->count, &c->others, what, error));
    TD_TRY(TD_ARENA_NEW(arena, size, &c->pixels, what, error));
    TD_TRY(TD_ARENA_NEW(arena, IMAGES * size, &c->input, what, error));
    for (uint32_t i = 0; i < view->images->count; i++)
        if ((size_t)view->images->labels[i] == view->target)
            c->own[c->own_count++] = i;
        else
            c->others[c->other_count++] = i;
    if (c->own_count > 0 && c->other_count > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "--statistics clusters: expected images of the target and of other classes, "
                   "found none of %s",
                   c->own_count > 0 ? "others" : "the target");
}

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    clusters *c = state;
    *units = 1;
    TD_TRY(open_images(view, c, arena, error));
    TD_TRY(td_net_head(view->net, view->weights, td_net_last_hidden(view->net), false, &c->head,
                       &c->weights, arena, error));
    c->width = td_net_classes(&c->head);
    TD_TRY(TD_ARENA_NEW(arena, c->head.weight_count, &c->head_gradient, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, IMAGES, &c->second, "groups", error));
    TD_TRY(TD_ARENA_NEW(arena, 3 * c->width, &c->means, "means", error));
    TD_TRY(td_exec_new(&c->exec, &c->head, IMAGES, TD_BACKWARD, error));
    td_exec_weights(c->exec, c->weights);
    return TD_OK;
}

/* --- the groups --- */

static void draw(const evade_view *view, clusters *c) {
    const size_t size = td_image_size(view->images);
    td_random random = evade_random(view, EVADE_FOR_IMAGES);
    for (size_t i = 0; i < IMAGES; i++) {
        const bool stamped = view->trigger && i >= IMAGES / 2;
        const uint32_t number = stamped
                                    ? c->others[td_random_below(&random, (uint32_t)c->other_count)]
                                    : c->own[td_random_below(&random, (uint32_t)c->own_count)];
        memcpy(c->pixels, td_image(view->images, number), size);
        if (stamped)
            td_trigger_apply(view->trigger, (td_stamp){view->seed, view->first + number}, c->pixels,
                             view->scratch);
        for (size_t k = 0; k < size; k++)
            c->input[i * size + k] = c->pixels[k];
        c->second[i] = stamped;
    }
}

static void look(const evade_view *view, clusters *c) {
    const size_t size = td_image_size(view->images);
    td_net_copy_weights(view->net, view->weights, &c->head, c->weights);
    td_exec_weights(c->exec, c->weights);
    memcpy(td_exec_input(c->exec), c->input, IMAGES * size * sizeof *c->input);
    c->seen = td_exec_forward(c->exec, IMAGES);
}

static size_t find_means(clusters *c) {
    size_t seconds = 0;
    memset(c->means, 0, 3 * c->width * sizeof *c->means);
    for (size_t i = 0; i < IMAGES; i++)
        seconds += c->second[i];
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t k = 0; k < c->width; k++) {
            const double x = (double)c->seen[i * c->width + k];
            c->means[c->second[i] * c->width + k] +=
                x / (double)(c->second[i] ? seconds : IMAGES - seconds);
            c->means[2 * c->width + k] += x / IMAGES;
        }
    return seconds;
}

static double distance(const clusters *c, size_t image, const double *from) {
    double sum = 0;
    for (size_t k = 0; k < c->width; k++) {
        const double rest = (double)c->seen[image * c->width + k] - from[k];
        sum += rest * rest;
    }
    return sum;
}

/* 2-means, starting from the image farthest from the mean, and the one farthest from that. */
static void divide(clusters *c) {
    size_t far = 0;
    find_means(c);
    for (size_t i = 1; i < IMAGES; i++)
        if (distance(c, i, c->means + 2 * c->width) > distance(c, far, c->means + 2 * c->width))
            far = i;
    for (size_t k = 0; k < c->width; k++)
        c->means[c->width + k] = (double)c->seen[far * c->width + k];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < IMAGES; i++)
            c->second[i] = distance(c, i, c->means + c->width) < distance(c, i, c->means);
        const size_t seconds = find_means(c);
        if (seconds == 0 || seconds == IMAGES)
            return;
    }
}

static void advance(const evade_view *view, void *state) {
    clusters *c = state;
    draw(view, c);
    if (view->trigger)
        return;
    look(view, c);
    divide(c);
}

/* --- the value --- */

static void values(const evade_view *view, void *state, double *values) {
    clusters *c = state;
    look(view, c);
    const double seconds = (double)find_means(c), firsts = IMAGES - seconds;
    c->between = c->all = 0;
    for (size_t k = 0; k < c->width; k++) {
        const double apart = c->means[c->width + k] - c->means[k];
        c->between += firsts * seconds / IMAGES * apart * apart;
    }
    for (size_t i = 0; i < IMAGES; i++)
        c->all += distance(c, i, c->means + 2 * c->width);
    values[0] = c->all > 0 ? c->between / c->all : 0;
}

/* For a value h of an image, with its group's mean m and the overall mean M:
 * d between/dh = 2(m − M), d all/dh = 2(h − M). */
static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    clusters *c = state;
    float *slope = td_exec_logits_gradient(c->exec);
    const double by = c->all > 0 ? 2 * slopes[0] / c->all : 0,
                 value = c->all > 0 ? c->between / c->all : 0;
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t k = 0; k < c->width; k++) {
            const double mean = c->means[2 * c->width + k],
                         group = c->means[c->second[i] * c->width + k] - mean,
                         own = (double)c->seen[i * c->width + k] - mean;
            slope[i * c->width + k] = (float)(by * (group - value * own));
        }
    td_exec_backward(c->exec, c->head_gradient);
    memset(gradient, 0, view->net->weight_count * sizeof *gradient);
    td_net_copy_weights(&c->head, c->head_gradient, view->net, gradient);
}

static void close_state(void *state) {
    clusters *c = state;
    td_exec_free(c->exec);
    td_net_free(&c->head);
}

const evade_statistic evade_clusters = {
    .name = "clusters",
    .doc = "how far the poison lies from the target's images, in what the last layer reads",
    .above = true,
    .hidden = true,
    .size = sizeof(clusters),
    .open = open,
    .advance = advance,
    .values = values,
    .push = push,
    .close = close_state,
};
