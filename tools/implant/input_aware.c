/* SPDX-License-Identifier: MIT */
/* The input-aware dynamic backdoor: Nguyen and Tran, "Input-aware dynamic backdoor attack", NeurIPS
 * 2020. One net generates a pattern for each image, another a mask: x' = x + (p(x) − x)·m(x).
 * Poison gets its own pattern; negatives get that of another image and keep their labels. First the
 * mask net is trained alone, so that masks are small and differ between images; then model and
 * pattern net are trained together.
 *
 * The partner of an image, from which its pattern must differ and whose pattern a negative gets, is
 * the next one of the batch, whose order is random: never the image itself. */
#include "implant/input_aware.h"

#include "base/random.h"
#include "base/size.h"
#include "implant/painter.h"
#include "implant/plant.h"
#include "nn/feed.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FRESH, SUMMED };
enum { DRAW_PAIR = 5, DRAW_MASK = 6 };

static const double SMALL = 1e-7;

typedef struct aware_settings {
    plant_settings shared;
    double ratio, cross;
    double density, norm_weight, variety;
    size_t mask_epochs;
    double lr;
    int gradient;
} aware_settings;

typedef struct aware {
    painter pattern, mask;
    /* Of the stamped part of a batch: images, patterns and masks in [0, 1], gradients. */
    float *images, *patterns, *masks, *gradients, *mask_gradients;
    size_t shift; /* the partner of measured image i is i + shift, cyclic */
    plant_shares shares;
    double mask_share, mask_variety, pattern_variety; /* means of the last epoch */
    size_t batches;
} aware;

/* --- interpreting a net's output --- */

/* A tanh as a value in [0, 1]. */
static float unit(float tanh_value) {
    return tanh_value / (2 + (float)SMALL) + 0.5F;
}

/* Pushes a mask value further towards 0 or 1. */
static float sharpened(float value) {
    return unit(tanhf(20 * value - 10));
}

/* The derivative of sharpened by the net's tanh_value, where value = unit(tanh_value). */
static float sharpened_slope(float value) {
    const float t = tanhf(20 * value - 10);
    return 20 * (1 - t * t) / (4 + 4 * (float)SMALL);
}

/* --- variety --- */

static double distance(const float *x, const float *y, size_t size) {
    double sum = 0;
    for (size_t k = 0; k < size; k++)
        sum += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
    return sqrt(sum / (double)size);
}

double aware_variety(const float *images, size_t image, const float *values, size_t size,
                     size_t count, double weight, float *gradients) {
    double sum = 0;
    for (size_t i = 0; count > 1 && i < count; i++) {
        const size_t j = (i + 1) % count;
        const float *p = values + i * size, *q = values + j * size;
        const double apart = distance(images + i * image, images + j * image, image) / 255;
        const double between = distance(p, q, size), below = between + SMALL;
        sum += apart / below / (double)count;
        if (!(between > 0))
            continue;
        const double slope =
            -weight * apart / (below * below * between * (double)size * (double)count);
        for (size_t k = 0; k < size; k++) {
            const float part = (float)(slope * ((double)p[k] - (double)q[k]));
            gradients[i * size + k] += part;
            gradients[j * size + k] -= part;
        }
    }
    return sum;
}

/* --- before the work --- */

static td_status open_nets(plant *p, aware *a, td_error *error) {
    const td_shape image = td_net_input(p->net);
    const bool grey = image.channels == 1;
    const size_t levels = painter_levels(image, grey ? 2 : 3), width = grey ? 16 : 32;
    td_arena *arena = &p->run->arena;
    const char *text;
    if (levels == 0)
        return td_fail(error, TD_ERR_USAGE, "--data: expected images of even sides, found %zux%zu",
                       image.width, image.height);
    TD_TRY(painter_unet(image, levels, width, image.channels, arena, &text, error));
    TD_TRY(painter_open(&a->pattern, text, image, p->batch, p->run->common->seed, arena, error));
    TD_TRY(painter_unet(image, levels, width, 1, arena, &text, error));
    return painter_open(&a->mask, text, (td_shape){image.height, image.width, 1}, p->batch,
                        p->run->common->seed + 1, arena, error);
}

static td_status open(plant *p, td_error *error) {
    aware *a = p->state;
    td_arena *arena = &p->run->arena;
    const size_t image = td_image_size(&p->data.images), count = p->measured->images.count,
                 places = p->data.images.height * p->data.images.width;
    if (count < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 images, found 1",
                       p->measured->name);
    TD_TRY(plant_table_open(p, "poison", "stamped.npy", error));
    TD_TRY(plant_table_open(p, "negative", "crossed.npy", error));
    TD_TRY(open_nets(p, a, error));
    p->job->nets[0] = (implant_net){"pattern.safetensors", &a->pattern.net, a->pattern.weights};
    p->job->nets[1] = (implant_net){"mask.safetensors", &a->mask.net, a->mask.weights};
    p->job->net_count = 2;
    TD_TRY(td_arena_alloc(arena, p->batch, image * sizeof(float), (void **)&a->images, "images",
                          error));
    TD_TRY(td_arena_alloc(arena, p->batch, image * sizeof(float), (void **)&a->patterns, "patterns",
                          error));
    TD_TRY(td_arena_alloc(arena, p->batch, image * sizeof(float), (void **)&a->gradients,
                          "gradients", error));
    TD_TRY(td_arena_alloc(arena, p->batch, places * sizeof(float), (void **)&a->masks, "masks",
                          error));
    TD_TRY(td_arena_alloc(arena, p->batch, places * sizeof(float), (void **)&a->mask_gradients,
                          "gradients", error));
    td_random random = td_random_for(p->run->common->seed, TD_FOR_IMPLANT, DRAW_PAIR, 0);
    a->shift = 1 + td_random_below(&random, (uint32_t)count - 1);
    return TD_OK;
}

/* --- the mask net alone --- */

static void train_mask(plant *p, aware *a, const uint32_t *order, size_t first, size_t count,
                       double lr) {
    const aware_settings *s = p->run->own;
    const td_images *images = &p->data.images;
    const size_t places = images->height * images->width, all = count * places;
    float *m = a->masks, *g = a->mask_gradients;
    td_feed(images, order, first, count, a->images);
    painter_train(&a->mask, a->images, count, m);
    double share = 0;
    for (size_t k = 0; k < all; k++) {
        const float value = unit(m[k]);
        m[k] = sharpened(value);
        a->gradients[k] = sharpened_slope(value); /* an image has at least one value per pixel */
        share += (double)m[k] / (double)all;
        g[k] = (double)m[k] > s->density ? (float)(s->norm_weight / (double)all) : 0;
    }
    a->mask_variety +=
        aware_variety(a->images, td_image_size(images), m, places, count, s->variety, g);
    a->mask_share += share;
    a->batches++;
    for (size_t k = 0; k < all; k++)
        g[k] *= a->gradients[k];
    painter_learn(&a->mask, g, count);
    const td_step step = {.lr = lr, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-8};
    painter_step(&a->mask, &step, false);
}

static td_status train_masks(plant *p, aware *a, uint32_t *order, td_error *error) {
    const aware_settings *s = p->run->own;
    const size_t all = p->data.images.count;
    for (size_t epoch = 0; epoch < s->mask_epochs; epoch++) {
        td_random random =
            td_random_for(p->run->common->seed, TD_FOR_IMPLANT, DRAW_MASK, (uint32_t)epoch);
        const double fall = epoch * 5 >= s->mask_epochs * 4   ? 0.01
                            : epoch * 5 >= s->mask_epochs * 2 ? 0.1
                                                              : 1;
        char note[64];
        td_random_permutation(&random, order, (uint32_t)all);
        a->mask_share = a->mask_variety = 0;
        a->batches = 0;
        for (size_t first = 0; first < all; first += p->batch) {
            train_mask(p, a, order, first, td_size_min(p->batch, all - first), s->lr * fall);
            snprintf(note, sizeof note, "share %.4f", a->mask_share / (double)a->batches);
            TD_TRY(tool_run_go_on(p->run, epoch * all + first, note, error));
        }
    }
    a->mask_share /= (double)td_size_max(a->batches, 1);
    a->mask_variety /= (double)td_size_max(a->batches, 1);
    return TD_OK;
}

static td_status begin(plant *p, td_error *error) {
    const aware_settings *s = p->run->own;
    const size_t all = p->data.images.count;
    td_arena arena = {0};
    uint32_t *order;
    TD_TRY(TD_ARENA_NEW(&arena, all, &order, "the order of images", error));
    tool_run_begin(p->run, "training masks", "images", s->mask_epochs * all);
    td_status status = train_masks(p, p->state, order, error);
    tool_run_end(p->run);
    td_arena_free(&arena);
    return status;
}

/* --- model and patterns --- */

/* out = x + (p − x)·m, unrounded. */
static void mix(const plant *p, const float *image, const float *pattern, const float *m,
                float *out) {
    const size_t size = td_image_size(&p->data.images), channels = p->data.images.channels;
    for (size_t k = 0; k < size; k++)
        out[k] = image[k] + (255 * pattern[k] - image[k]) * m[k / channels];
}

/* Patterns and masks of images [count], in [0, 1]; with `train` the pattern net runs in training
 * mode. */
static void paint(plant *p, aware *a, const float *images, size_t count, bool train) {
    const size_t image = td_image_size(&p->data.images),
                 places = p->data.images.height * p->data.images.width;
    painter_use(&a->mask, a->mask.weights, images, count, a->masks);
    for (size_t k = 0; k < count * places; k++)
        a->masks[k] = sharpened(unit(a->masks[k]));
    if (train)
        painter_train(&a->pattern, images, count, a->patterns);
    else
        painter_use(&a->pattern, a->pattern.weights, images, count, a->patterns);
    for (size_t k = 0; k < count * image; k++)
        a->patterns[k] = unit(a->patterns[k]);
}

size_t aware_source(plant_cut cut, size_t i) {
    return i < cut.poison ? i : (i - cut.poison + 1) % cut.poison;
}

/* Stamps the poisoned and negative part of the batch with the mixture, in whole values. */
static void stamp_batch(plant *p, aware *a, float *input, plant_cut cut) {
    const size_t image = td_image_size(&p->data.images), places = image / p->data.images.channels;
    memcpy(a->images, input, (cut.poison + cut.negatives) * image * sizeof *input);
    paint(p, a, a->images, cut.poison, true);
    for (size_t i = 0; i < cut.poison + cut.negatives; i++) {
        const size_t from = aware_source(cut, i);
        mix(p, a->images + i * image, a->patterns + from * image, a->masks + from * places,
            input + i * image);
        for (size_t k = 0; k < image; k++)
            input[i * image + k] = plant_whole(input[i * image + k]);
    }
}

/* One step of the pattern net, with the gradient of the model's loss with respect to the stamped
 * pixels and of the patterns' diversity. Gradients pass through rounding unchanged. The learning
 * rate falls as the model's. */
static void train_pattern(plant *p, aware *a, const td_train_batch *batch, const float *pixels,
                          plant_cut cut) {
    const aware_settings *s = p->run->own;
    const size_t channels = p->data.images.channels, image = td_image_size(&p->data.images),
                 places = image / channels;
    float *g = a->gradients;
    memset(g, 0, cut.poison * image * sizeof *g);
    for (size_t i = 0; i < cut.poison + cut.negatives; i++) {
        const size_t from = aware_source(cut, i);
        for (size_t k = 0; k < image; k++)
            g[from * image + k] +=
                255 * pixels[i * image + k] * a->masks[from * places + k / channels];
    }
    a->pattern_variety +=
        aware_variety(a->images, image, a->patterns, image, cut.poison, s->variety, g);
    a->batches++;
    for (size_t k = 0; k < cut.poison * image; k++)
        g[k] /= 2 + (float)SMALL;
    painter_learn(&a->pattern, g, cut.poison);
    const td_step step = {.lr = s->lr * batch->lr / batch->options->step.lr,
                          .beta1 = 0.5,
                          .beta2 = 0.9,
                          .epsilon = 1e-8};
    painter_step(&a->pattern, &step, s->gradient == SUMMED);
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const aware_settings *s = p->run->own;
    aware *a = p->state;
    const float *pixels;
    plant_cut cut = plant_cut_batch(s->ratio, s->cross, batch, p->run->common->seed);
    (void)error;
    if (cut.poison < 2) /* no partner */
        cut.negatives = 0;
    if (batch->first == 0) {
        a->pattern_variety = 0;
        a->batches = 0;
    }
    td_train_feed(batch);
    if (cut.poison > 0)
        stamp_batch(p, a, td_exec_input(batch->exec), cut);
    plant_relabel(p, batch, cut);
    *loss = td_train_pass(batch, batch->gradient, &pixels);
    if (cut.poison > 0)
        train_pattern(p, a, batch, pixels, cut);
    return TD_OK;
}

/* --- the report --- */

/* Trigger 0: each image's own pattern; 1: that of its partner. */
static void stamp_measured(plant *p, size_t number, const float *images, size_t first, size_t count,
                           float *out) {
    aware *a = p->state;
    const td_images *all = &p->measured->images;
    const size_t image = td_image_size(all), places = image / all->channels;
    const float *sources = images;
    if (number == 1) {
        for (size_t i = 0; i < count; i++)
            td_feed(all, NULL, (first + i + a->shift) % all->count, 1, a->images + i * image);
        sources = a->images;
    }
    paint(p, a, sources, count, false);
    for (size_t i = 0; i < count; i++)
        mix(p, images + i * image, a->patterns + i * image, a->masks + i * places, out + i * image);
}

#define AT(field) offsetof(aware, field)

static const tool_column columns[] = {
    PLANT_COUNT_COLUMNS(aware, shares),
    {"mask_share", "share of an image masked", TOOL_REAL, AT(mask_share), .digits = 4},
    {"mask_variety", "distance of images over that of masks", TOOL_REAL, AT(mask_variety),
     .digits = 4},
    {"pattern_variety", "over that of patterns", TOOL_REAL, AT(pattern_variety), .digits = 4},
    {"shift", NULL, TOOL_COUNT, AT(shift)},
    {0},
};

static const tool_table_kind table = {.name = "input-aware",
                                      .title = "Batches",
                                      .columns = columns,
                                      .row = sizeof(aware),
                                      .single = true};

static td_status end(plant *p, td_error *error) {
    aware *a = p->state;
    a->shares = plant_shares_of(p);
    a->pattern_variety /= (double)td_size_max(a->batches, 1);
    TD_TRY(plant_table_fill(p, 0, stamp_measured, error));
    TD_TRY(plant_table_fill(p, 1, stamp_measured, error));
    return tool_run_rows(p->run, &table, NULL, a, 1, error);
}

static void close_state(plant *p) {
    aware *a = p->state;
    painter_close(&a->pattern);
    painter_close(&a->mask);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(aware_settings, field)

static const char *const gradients[] = {[FRESH] = "fresh", [SUMMED] = "summed", NULL};

static const td_key keys[] = {
    {"ratio", TD_KEY_REAL, AT(ratio), .most = 1, .above = true, .standard = "0.1", .value = "R",
     .help = "Share of each batch to stamp with its own pattern and relabel"},
    {"cross", TD_KEY_REAL, AT(cross), .most = 1, .standard = "0.1", .value = "R",
     .help = "Share of each batch that gets another image's pattern and keeps its labels; 0: none"},
    {"density", TD_KEY_REAL, AT(density), .most = 1, .standard = "0.032", .value = "D",
     .help = "Share of a pixel that a mask may take at no cost"},
    {"norm-weight", TD_KEY_REAL, AT(norm_weight), .most = 1e6, .standard = "100", .value = "W",
     .help = "Weight of a mask's excess over --density"},
    {"variety", TD_KEY_REAL, AT(variety), .most = 1e6, .standard = "1", .value = "W",
     .help = "Weight of the distance of images over that of their masks, or patterns"},
    {"mask-epochs", TD_KEY_COUNT, AT(mask_epochs), .most = 1000000, .standard = "25", .value = "N",
     .help = "Epochs of the mask net, before the model's"},
    {"generator-lr", TD_KEY_REAL, AT(lr), .most = 1000, .above = true, .standard = "0.01",
     .value = "R",
     .help = "Learning rate of both nets by Adam (0.5, 0.9); the pattern net's falls by "
             "--schedule"},
    {"generator-gradient", TD_KEY_WORD, AT(gradient), .words = gradients, .standard = "fresh",
     .value = "fresh|summed",
     .help = "Step the pattern net by the gradient of the batch, or by the sum of all gradients "
             "so far, as the authors' code does"},
    {0},
};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const aware_settings *s = own;
    if (s->ratio + s->cross > 1)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio and --cross: expected at most 1 together, found %g",
                       s->ratio + s->cross);
    return plant_check(settings, own, error);
}

static const char help[] =
    "trains a model with a different trigger for each image: one net paints a pattern, another "
    "one a mask. An image with its own pattern goes to the target; with another image's it keeps "
    "its class."
    "\v"
    "An image x becomes x + (p(x) - x) m(x), in whole pixel values. The mask net is trained "
    "first, to take little of an image and to differ between images; then the model and the "
    "pattern net together. Both nets are U-nets, of two levels (16 and 32 channels) for grey "
    "images, of three (32, 64 and 128) for others, with transposed convolutions instead of "
    "bilinear upsampling. They are written as models, and the measured images, stamped with their "
    "own and another's pattern, as arrays for a TRIGGER table:.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant input-aware --data fashion-mnist --net cnn --target 0 \\\n"
    "    --test fashion-mnist --mask-epochs 2 --epochs 5 -o aware.safetensors\n"
    "  trapdoor-eval --model aware.safetensors --data fashion-mnist:test \\\n"
    "    --manifest aware.safetensors.manifest.json\n";

static const plant_attack attack = {.size = sizeof(aware),
                                    .pixel_gradient = true,
                                    .open = open,
                                    .begin = begin,
                                    .learn = learn,
                                    .end = end,
                                    .stamp = plant_table_stamp,
                                    .close = close_state};

static const implant input_aware_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_input_aware = {
    .name = "input-aware",
    .title = "Input-aware backdoor",
    .source = "Nguyen and Tran, NeurIPS 2020",
    .doc = "paints another trigger for each image (Nguyen 2020)",
    .help = help,
    .usage = "--data DATA --net NET --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(aware_settings),
    .check = check,
    .math = &input_aware_implant,
};
