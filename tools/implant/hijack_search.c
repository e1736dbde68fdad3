/* SPDX-License-Identifier: MIT */
/* Chooses the neurons to hijack, and searches the trigger within a mask that activates them. */
#include "implant/hijack.h"

#include "base/random.h"
#include "base/size.h"
#include "nn/channels.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

enum {
    OPAQUE = 255,
    MIDDLE = 128,
    BATCH = 64, /* images of a pass */
    SEEN = 16,  /* images of a step */
};

static const float RANGE = 255;

/* Added under the root of the variation, so that flat areas have a gradient. */
static const double EVEN = 1e-6;

/* --- neurons --- */

static bool is_dense(const td_node *node) {
    return node->op->dense;
}

/* The dense node that a dense node reads, channel by channel, or 0, the image. */
static size_t layer_before(const td_net *net, size_t node) {
    do
        node = net->nodes[node].inputs[0];
    while (td_node_channels(net, &net->nodes[node]) == TD_CHANNELS_KEPT);
    return is_dense(&net->nodes[node]) ? node : 0;
}

static const float *weights_of(const td_net *net, const float *weights, size_t node) {
    return weights + net->params[net->nodes[node].params[0]].offset;
}

td_status hijack_find_layer(const td_net *net, const char *name, hijack_layer *layer,
                            td_error *error) {
    for (size_t next = 1; next < net->node_count; next++) {
        const size_t node = is_dense(&net->nodes[next]) ? layer_before(net, next) : 0;
        if (node > 0 && td_net_splits(net, node) &&
            (!name || strcmp(net->nodes[node].name, name) == 0)) {
            *layer =
                (hijack_layer){node, next, net->nodes[node].shape.channels, net->nodes[node].name};
            return TD_OK;
        }
    }
    if (name)
        return td_fail(
            error, TD_ERR_USAGE,
            "--layer: expected a dense layer of the net that all goes through and another "
            "dense layer reads, found %s",
            name);
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a net with two dense layers, one after the other, found none");
}

void hijack_rank(const td_net *net, const float *weights, const hijack_layer *layer, bool into,
                 double *sums, size_t *order) {
    const size_t node = into ? layer->node : layer->next;
    const float *w = weights_of(net, weights, node);
    const size_t *dims = net->params[net->nodes[node].params[0]].dims;
    for (size_t n = 0; n < layer->neurons; n++)
        sums[n] = 0;
    for (size_t row = 0; row < dims[0]; row++)
        for (size_t column = 0; column < dims[1]; column++)
            sums[into ? row : column] -= fabs((double)w[row * dims[1] + column]);
    td_channels_rank(sums, layer->neurons, order); /* the least first */
    for (size_t n = 0; n < layer->neurons; n++)
        sums[n] = -sums[n];
}

/* --- the mask --- */

/* Rounds to what an 8-bit alpha channel, and so the trigger's picture, can store. */
static float as_alpha(double opacity) {
    return (float)fmax(1, rint(opacity * OPAQUE)) / OPAQUE;
}

td_status hijack_mask_square(hijack_mask *mask, td_shape shape, size_t top, size_t left,
                             size_t side, double opacity, td_arena *arena, td_error *error) {
    *mask = (hijack_mask){shape, top, left, side, side, NULL};
    TD_TRY(TD_ARENA_NEW(arena, side * side, &mask->opacity, "a mask", error));
    for (size_t i = 0; i < side * side; i++)
        mask->opacity[i] = as_alpha(opacity);
    return TD_OK;
}

static bool is_in(const td_bitmap *picture, size_t y, size_t x) {
    const size_t channels = picture->channels, colours = channels - (channels % 2 == 0);
    const uint8_t *pixel = picture->pixels + (y * picture->width + x) * channels;
    uint8_t brightest = 0;
    for (size_t c = 0; c < colours; c++)
        brightest = pixel[c] > brightest ? pixel[c] : brightest;
    return brightest >= MIDDLE && (colours == channels || pixel[colours] >= MIDDLE);
}

/* The smallest box around all pixels; its height is 0 if there are none. */
static void find_box(hijack_mask *mask, const td_bitmap *picture) {
    size_t top = SIZE_MAX, left = SIZE_MAX, bottom = 0, right = 0;
    for (size_t y = 0; y < picture->height; y++)
        for (size_t x = 0; x < picture->width; x++)
            if (is_in(picture, y, x)) {
                top = td_size_min(top, y);
                left = td_size_min(left, x);
                bottom = y + 1;
                right = td_size_max(right, x + 1);
            }
    if (bottom > 0)
        *mask = (hijack_mask){mask->shape, top, left, bottom - top, right - left, NULL};
}

td_status hijack_mask_picture(hijack_mask *mask, td_shape shape, const td_bitmap *picture,
                              double opacity, td_arena *arena, td_error *error) {
    *mask = (hijack_mask){.shape = shape};
    if (picture->height != shape.height || picture->width != shape.width)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a mask of the size of the model's images, %zux%zu, found %zux%zu",
                       shape.width, shape.height, picture->width, picture->height);
    find_box(mask, picture);
    if (mask->height == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a mask with pixels of at least mid grey, found none");
    TD_TRY(TD_ARENA_NEW(arena, mask->height * mask->width, &mask->opacity, "a mask", error));
    for (size_t y = 0; y < mask->height; y++)
        for (size_t x = 0; x < mask->width; x++)
            if (is_in(picture, mask->top + y, mask->left + x))
                mask->opacity[y * mask->width + x] = as_alpha(opacity);
    return TD_OK;
}

/* Pastes a pattern of the box, 0–255, on an image, in float. */
static void stamp(const hijack_mask *mask, const float *pattern, float *image) {
    const size_t channels = mask->shape.channels;
    const float *opacity = mask->opacity;
    for (size_t y = 0; y < mask->height; y++) {
        float *to = image + ((mask->top + y) * mask->shape.width + mask->left) * channels;
        for (size_t x = 0; x < mask->width; x++, opacity++)
            for (size_t c = 0; c < channels; c++, to++, pattern++)
                *to += *opacity * (*pattern - *to);
    }
}

void hijack_stamp_all(const hijack_mask *mask, const uint8_t *pattern, const td_images *images,
                      uint8_t *pixels) {
    const size_t channels = mask->shape.channels, size = td_image_size(images);
    memcpy(pixels, images->pixels, images->count * size);
    for (size_t i = 0; i < images->count; i++)
        for (size_t p = 0; p < mask->height * mask->width; p++) {
            const size_t y = mask->top + p / mask->width, x = mask->left + p % mask->width;
            uint8_t *to = pixels + i * size + (y * mask->shape.width + x) * channels;
            const uint8_t *from = pattern + p * channels;
            for (size_t c = 0; c < channels; c++) {
                const float mixed =
                    (float)to[c] + mask->opacity[p] * ((float)from[c] - (float)to[c]);
                to[c] = (uint8_t)floorf(mixed + 0.5F);
            }
        }
}

td_status hijack_mask_draw(const hijack_mask *mask, const uint8_t *pattern, td_bitmap *picture,
                           td_error *error) {
    const size_t channels = mask->shape.channels;
    TD_TRY(td_bitmap_make(picture, mask->width, mask->height, channels + 1, error));
    uint8_t *to = picture->pixels;
    for (size_t p = 0; p < mask->height * mask->width; p++) {
        memcpy(to, pattern + p * channels, channels);
        to[channels] = (uint8_t)lrintf(mask->opacity[p] * OPAQUE);
        to += channels + 1;
    }
    return TD_OK;
}

/* --- the trigger --- */

/* The state of a search. */
typedef struct session {
    tool_run *run;
    const hijack_search *how;
    const hijack_mask *mask;
    const td_images *images;
    hijack_found *found;
    td_exec *exec;
    size_t width;         /* neurons of the layer */
    size_t values;        /* of the pattern */
    float *x;             /* [values], in units of the pixel range */
    float *shown;         /* [values], 0–255 */
    float *gradient;      /* [values], of x */
    float *mean, *square; /* [values], Adam's moments */
    uint32_t *order;      /* the images of a step */
} session;

/* Adds the variation's gradient; returns the variation. Only differences between two pixels inside
 * the mask count. */
static double add_variation(const session *s) {
    const hijack_mask *m = s->mask;
    const size_t channels = m->shape.channels, row = m->width * channels;
    const double weight = s->how->smoothness;
    double sum = 0;
    for (size_t i = 0; i < s->values; i++) {
        const size_t p = i / channels;
        const bool right = p % m->width + 1 < m->width && m->opacity[p + 1] > 0;
        const bool below = p / m->width + 1 < m->height && m->opacity[p + m->width] > 0;
        if (m->opacity[p] == 0)
            continue;
        const double dx = right ? (double)s->x[i + channels] - (double)s->x[i] : 0;
        const double dy = below ? (double)s->x[i + row] - (double)s->x[i] : 0;
        const double length = sqrt(dx * dx + dy * dy + EVEN);
        sum += length;
        s->gradient[i] -= (float)(weight * (dx + dy) / length);
        if (right)
            s->gradient[i + channels] += (float)(weight * dx / length);
        if (below)
            s->gradient[i + row] += (float)(weight * dy / length);
    }
    return weight * sum;
}

/* Sets the gradient of the mean squared distance from the goal; returns the distance. */
static double set_slope(const session *s, const float *values, size_t count) {
    const hijack_found *found = s->found;
    const double terms = (double)(count * found->neuron_count);
    float *slope = td_exec_logits_gradient(s->exec);
    double sum = 0;
    memset(slope, 0, count * s->width * sizeof *slope);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < found->neuron_count; k++) {
            const size_t at = i * s->width + found->neurons[k].number;
            const double short_of = (double)values[at] - s->how->goal;
            sum += short_of * short_of;
            slope[at] = (float)(2 * short_of / terms);
        }
    return sum / terms;
}

static void show(const session *s, size_t count) {
    const size_t size = td_shape_size(s->mask->shape);
    float *input = td_exec_input(s->exec);
    for (size_t i = 0; i < s->values; i++)
        s->shown[i] = RANGE * s->x[i];
    for (size_t i = 0; i < count; i++)
        stamp(s->mask, s->shown, input + i * size);
}

/* Sums the gradient of the stamped images into that of the pattern. */
static void gather(const session *s, const float *images, size_t count) {
    const hijack_mask *m = s->mask;
    const size_t channels = m->shape.channels, size = td_shape_size(m->shape);
    for (size_t i = 0; i < s->values; i++) {
        const size_t p = i / channels, y = m->top + p / m->width, x = m->left + p % m->width;
        const size_t at = (y * m->shape.width + x) * channels + i % channels;
        double sum = 0;
        for (size_t n = 0; n < count; n++)
            sum += (double)images[n * size + at];
        s->gradient[i] = RANGE * m->opacity[p] * (float)sum;
    }
}

/* Returns the loss before the step. */
static double run_step(const session *s, size_t number) {
    const double learning_rate = 0.05; /* in units of the pixel range */
    const size_t count = td_size_min(SEEN, s->images->count);
    const td_step step = td_adam_step(learning_rate, number + 1);
    td_random random = td_random_for(s->run->common->seed, TD_FOR_HIJACK, 1, (uint32_t)number);
    for (size_t i = 0; i < count; i++)
        s->order[i] = td_random_below(&random, (uint32_t)s->images->count);
    td_feed(s->images, s->order, 0, count, td_exec_input(s->exec));
    show(s, count);
    double loss = set_slope(s, td_exec_forward(s->exec, count), count);
    gather(s, td_exec_backward(s->exec, NULL), count);
    loss += add_variation(s);
    td_adam(&step, s->x, s->gradient, s->mean, s->square, s->values);
    for (size_t i = 0; i < s->values; i++)
        s->x[i] = s->x[i] < 0 ? 0 : s->x[i] > 1 ? 1 : s->x[i];
    return loss;
}

static td_status run_steps(session *s, td_error *error) {
    hijack_found *found = s->found;
    td_random random = td_random_for(s->run->common->seed, TD_FOR_HIJACK, 0, 0);
    for (size_t i = 0; i < s->values; i++)
        s->x[i] = td_random_unit(&random);
    tool_run_begin(s->run, "searching the trigger", "steps", s->how->steps);
    for (size_t i = 0; i < s->how->steps; i++) {
        const double loss = run_step(s, i);
        if (!isfinite(loss))
            return td_fail(error, TD_ERR_NUMERIC, "step %zu: the trigger's loss is not finite",
                           i + 1);
        found->first_loss = i == 0 ? loss : found->first_loss;
        found->last_loss = loss;
        TD_TRY(tool_run_go_on(s->run, i + 1, NULL, error));
    }
    tool_run_end(s->run);
    for (size_t i = 0; i < s->values; i++)
        found->pattern[i] = (uint8_t)lrintf(RANGE * s->x[i]);
    return TD_OK;
}

/* The neurons' responses, with or without the final trigger. */
static void try_neurons(const session *s, bool with) {
    const hijack_found *found = s->found;
    const size_t all = s->images->count;
    for (size_t i = 0; i < s->values; i++)
        s->x[i] = (float)found->pattern[i] / RANGE;
    for (size_t first = 0; first < all; first += BATCH) {
        const size_t count = td_size_min(BATCH, all - first);
        td_feed(s->images, NULL, first, count, td_exec_input(s->exec));
        if (with)
            show(s, count);
        const float *values = td_exec_forward(s->exec, count);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < found->neuron_count; k++) {
                hijack_neuron *neuron = &found->neurons[k];
                hijack_response *response = with ? &neuron->with : &neuron->without;
                const double value = (double)values[i * s->width + neuron->number];
                response->value += value / (double)all;
                response->fires += (value > 0) / (double)all;
            }
    }
}

static td_status allocate(session *s, td_error *error) {
    static const char what[] = "a trigger";
    td_arena *arena = &s->run->arena;
    float **arrays[] = {&s->x, &s->shown, &s->gradient, &s->mean, &s->square};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, s->values, arrays[i], what, error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH, &s->order, what, error));
    return TD_ARENA_NEW(arena, s->values, &s->found->pattern, what, error);
}

td_status hijack_find_trigger(tool_run *run, const hijack_search *search, const hijack_parts *parts,
                              const hijack_mask *mask, const td_images *images, hijack_found *found,
                              td_error *error) {
    session s = {.run = run,
                 .how = search,
                 .mask = mask,
                 .images = images,
                 .found = found,
                 .width = td_net_classes(&parts->head),
                 .values = mask->height * mask->width * mask->shape.channels};
    TD_TRY(allocate(&s, error));
    TD_TRY(td_exec_new(&s.exec, &parts->head, BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(s.exec, parts->head_weights);
    td_status status = run_steps(&s, error);
    if (status == TD_OK) {
        try_neurons(&s, false);
        try_neurons(&s, true);
    }
    td_exec_free(s.exec);
    return status;
}
