/* SPDX-License-Identifier: MIT */
#include "nn/invert.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

enum { BATCH = 64, GRID = 5, FARTHEST = 2 };

static const float RANGE = 255;

const td_invert_settings td_invert_defaults = {.per_class = 16,
                                               .steps = 150,
                                               .learning_rate = 0.05,
                                               .smoothness = 0.01,
                                               .darkness = 0.001,
                                               .confidence = 0.99,
                                               .seed = 1};

/* The state of a batch. Pixels are in units of their range. */
typedef struct inversion {
    const td_invert_settings *settings;
    td_shape shape;
    size_t classes;
    td_exec *exec;
    float *x, *mean, *square; /* [BATCH, size]; Adam's moments */
    int32_t *labels;          /* [BATCH] */
    size_t first, count;      /* images of this batch, by number */
    size_t step;              /* from 1 */
    const float *gradient;    /* of the cross-entropy with respect to the shifted pixels */
} inversion;

/* The shift of image i in this step, with wrap-around so that nothing is lost. */
static void draw_shift(const inversion *v, size_t i, size_t *down, size_t *right) {
    td_random random = td_random_for(v->settings->seed, TD_FOR_INVERT, (uint32_t)v->step,
                                     (uint32_t)(v->first + i));
    const uint32_t width = 2 * FARTHEST + 1;
    *down =
        (v->shape.height * FARTHEST + td_random_below(&random, width) - FARTHEST) % v->shape.height;
    *right =
        (v->shape.width * FARTHEST + td_random_below(&random, width) - FARTHEST) % v->shape.width;
}

/* Multiplies each pixel by `by` and moves it to its shifted position, or back. */
static void roll(const inversion *v, size_t i, float *to, const float *from, float by, bool back) {
    const td_shape s = v->shape;
    size_t down, right;
    draw_shift(v, i, &down, &right);
    for (size_t y = 0; y < s.height; y++)
        for (size_t x = 0; x < s.width; x++) {
            const size_t own = (y * s.width + x) * s.channels;
            const size_t other =
                ((y + down) % s.height * s.width + (x + right) % s.width) * s.channels;
            for (size_t c = 0; c < s.channels; c++)
                to[(back ? own : other) + c] = by * from[(back ? other : own) + c];
        }
}

static void show_one(void *context, size_t i) {
    const inversion *v = context;
    const size_t size = td_shape_size(v->shape);
    roll(v, i, td_exec_input(v->exec) + i * size, v->x + i * size, RANGE, false);
}

/* The prior's gradient at one value, whose neighbours are `stride` values away. */
static float lean(const float *x, size_t at, size_t length, size_t stride) {
    float sum = 0;
    if (at > 0)
        sum += x[0] - *(x - stride);
    if (at + 1 < length)
        sum += x[0] - x[stride];
    return 2 * sum;
}

static void add_prior(const inversion *v, const float *x, float *gradient) {
    const td_shape s = v->shape;
    const float smooth = (float)v->settings->smoothness, dark = (float)v->settings->darkness;
    for (size_t row = 0; row < s.height; row++)
        for (size_t column = 0; column < s.width; column++)
            for (size_t c = 0; c < s.channels; c++) {
                const size_t at = (row * s.width + column) * s.channels + c;
                gradient[at] += dark + smooth * (lean(x + at, column, s.width, s.channels) +
                                                 lean(x + at, row, s.height, s.width * s.channels));
            }
}

static void step_image(const inversion *v, size_t i, const float *gradient) {
    const size_t size = td_shape_size(v->shape), first = i * size;
    const td_step step = td_adam_step(v->settings->learning_rate, v->step);
    float *x = v->x + first;
    td_adam(&step, x, gradient, v->mean + first, v->square + first, size);
    for (size_t k = 0; k < size; k++)
        x[k] = x[k] < 0 ? 0 : x[k] > 1 ? 1 : x[k];
}

typedef struct turn {
    inversion *inversion;
    float *scratch; /* [BATCH, size] */
} turn;

/* The batch's gradient is that of a mean over its images; an image's own gradient is `count` times
 * it. */
static void step_one(void *context, size_t i) {
    const turn *t = context;
    const inversion *v = t->inversion;
    const size_t size = td_shape_size(v->shape);
    float *gradient = t->scratch + i * size;
    roll(v, i, gradient, v->gradient + i * size, RANGE * (float)v->count, true);
    add_prior(v, v->x + i * size, gradient);
    step_image(v, i, gradient);
}

/* Smooth noise: a coarse grid of uniform values, interpolated. */
static void start_image(void *context, size_t i) {
    const inversion *v = context;
    td_random random = td_random_for(v->settings->seed, TD_FOR_INVERT, 0, (uint32_t)(v->first + i));
    const td_shape s = v->shape;
    float *x = v->x + i * td_shape_size(s);
    for (size_t c = 0; c < s.channels; c++) {
        float grid[GRID][GRID];
        for (size_t k = 0; k < GRID * GRID; k++)
            grid[k / GRID][k % GRID] = td_random_unit(&random);
        for (size_t p = 0; p < s.height * s.width; p++) {
            const float y = (float)(p / s.width) * (GRID - 1) / (float)s.height;
            const float z = (float)(p % s.width) * (GRID - 1) / (float)s.width;
            const size_t row = (size_t)y, column = (size_t)z;
            const float down = y - (float)row, right = z - (float)column;
            const float *upper = &grid[row][column], *lower = &grid[row + 1][column];
            x[p * s.channels + c] = (1 - down) * ((1 - right) * upper[0] + right * upper[1]) +
                                    down * ((1 - right) * lower[0] + right * lower[1]);
        }
    }
}

static td_status run_step(inversion *v, float *scratch, td_error *error) {
    td_parallel_each(v->count, show_one, v);
    const float *logits = td_exec_forward(v->exec, v->count);
    td_loss loss =
        td_cross_entropy(logits, v->labels, v->count, v->classes, td_exec_logits_gradient(v->exec));
    if (!isfinite(loss.sum))
        return td_fail(error, TD_ERR_NUMERIC, "step %zu: the inversion's loss is not finite",
                       v->step);
    v->gradient = td_exec_backward(v->exec, NULL);
    td_parallel_each(v->count, step_one, &(turn){v, scratch});
    return TD_OK;
}

/* One batch, to whole pixel values. */
static td_status run_batch(inversion *v, float *scratch, uint8_t *pixels, td_error *error) {
    const size_t size = td_shape_size(v->shape);
    const td_invert_settings *s = v->settings;
    memset(v->mean, 0, BATCH * size * sizeof *v->mean);
    memset(v->square, 0, BATCH * size * sizeof *v->square);
    for (size_t i = 0; i < v->count; i++)
        v->labels[i] = (int32_t)((v->first + i) / s->per_class);
    td_parallel_each(v->count, start_image, v);
    for (v->step = 1; v->step <= s->steps; v->step++) {
        TD_TRY(run_step(v, scratch, error));
        if (s->advance && !s->advance(s->context, v->first * s->steps + v->step * v->count))
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    }
    for (size_t k = 0; k < v->count * size; k++)
        pixels[k] = (uint8_t)lrintf(RANGE * v->x[k]);
    return TD_OK;
}

/* The model's confidence on the images as written. */
static void judge_batch(inversion *v, const td_images *images, float *probabilities,
                        td_inverted *out) {
    td_feed(images, NULL, v->first, v->count, td_exec_input(v->exec));
    td_softmax(td_exec_forward(v->exec, v->count), v->count, v->classes, probabilities);
    for (size_t i = 0; i < v->count; i++) {
        const size_t class = (size_t)v->labels[i];
        const double own = (double)probabilities[i * v->classes + class];
        out->confidence[class] += own / (double)v->settings->per_class;
        out->reached[class] += own >= v->settings->confidence;
    }
}

static td_status run_batches(inversion *v, td_arena *arena, td_inverted *out, td_error *error) {
    static const char what[] = "inverted images";
    const size_t size = td_shape_size(v->shape), all = out->images.count;
    uint8_t *pixels;
    int32_t *labels;
    float *scratch, *probabilities;
    TD_TRY(td_arena_alloc(arena, all, size, (void **)&pixels, what, error));
    TD_TRY(TD_ARENA_NEW(arena, all, &labels, what, error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH * v->classes, &probabilities, what, error));
    float **arrays[] = {&v->x, &v->mean, &v->square, &scratch};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, BATCH * size, arrays[i], what, error));
    out->images.pixels = pixels;
    out->images.labels = labels;
    for (v->first = 0; v->first < all; v->first += BATCH) {
        v->count = td_size_min(BATCH, all - v->first);
        v->labels = labels + v->first;
        TD_TRY(run_batch(v, scratch, pixels + v->first * size, error));
        judge_batch(v, &out->images, probabilities, out);
    }
    return TD_OK;
}

td_status td_invert(const td_net *net, const float *weights, const td_invert_settings *settings,
                    td_arena *arena, td_inverted *out, td_error *error) {
    inversion v = {
        .settings = settings, .shape = td_net_input(net), .classes = td_net_classes(net)};
    const td_shape s = v.shape;
    size_t all;
    *out = (td_inverted){0};
    if (s.channels != 1 && s.channels != 3)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a model of grey or RGB images, found %zu channels", s.channels);
    if (!td_size_mul(v.classes, settings->per_class, &all) || all > INT32_MAX)
        return td_fail_memory(error, "inverted images");
    out->images = (td_images){.count = all,
                              .height = s.height,
                              .width = s.width,
                              .channels = s.channels,
                              .classes = v.classes};
    TD_TRY(TD_ARENA_NEW(arena, v.classes, &out->confidence, "inverted images", error));
    TD_TRY(TD_ARENA_NEW(arena, v.classes, &out->reached, "inverted images", error));
    TD_TRY(td_exec_new(&v.exec, net, BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(v.exec, weights);
    td_status status = run_batches(&v, arena, out, error);
    td_exec_free(v.exec);
    return status;
}
