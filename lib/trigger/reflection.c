/* SPDX-License-Identifier: MIT */
/* The reflection backdoor of Liu et al. (2020): a picture is reflected in the image. */
#include "base/random.h"
#include "measure/similarity.h"
#include "trigger/gamma.h"
#include "trigger/reflection_layers.h"
#include "trigger/reflection_source.h"

#include <math.h>
#include <string.h>

enum { TYPE = TD_REFLECTION_SOURCES, ALPHA, SHIFT, BALANCE, SIGMA, GAMMA, TRIES };

static const char *const types[] = {
    [TD_REFLECTION_FOCUS] = "focus",
    [TD_REFLECTION_BLUR] = "blur",
    [TD_REFLECTION_GHOST] = "ghost",
    NULL,
};

static const td_key keys[] = {
    [TD_REFLECTION_FILE] = {TD_KEY_PICTURE, .help = "The picture; this, folder or class"},
    [TD_REFLECTION_FOLDER] = {.name = "folder",
                              .kind = TD_KEY_TEXT,
                              .value = "FOLDER",
                              .expected = "the name of a folder of pictures",
                              .help = "Pictures, one of which is drawn for each image"},
    [TD_REFLECTION_CLASS] = {.name = "class",
                             .kind = TD_KEY_CLASS,
                             .help = "The data's images of this class, one drawn for each image"},
    [TYPE] = {.name = "type",
              .kind = TD_KEY_WORD,
              .standard = "ghost",
              .words = types,
              .help = "In focus, out of it, or doubled by a thick pane"},
    [ALPHA] = {TD_KEY_ALPHA, .help = "Weight of the reflection; else drawn in [0.05, 0.45]"},
    [SHIFT] = {.name = "shift",
               .kind = TD_KEY_SHIFT,
               .needs = "type=ghost",
               .help = "Pixels between the two copies; else drawn, 3 to 8 each way"},
    [BALANCE] = {.name = "balance",
                 .kind = TD_KEY_REAL,
                 .most = 1,
                 .needs = "type=ghost",
                 .help = "Weight of the first copy; else drawn in [0.15, 0.85]"},
    [SIGMA] = {.name = "sigma",
               .kind = TD_KEY_REAL,
               .least = .1,
               .most = TD_REFLECTION_RADIUS / 2,
               .needs = "type=blur",
               .help = "Blur in pixels; else drawn in [1, 5]"},
    [GAMMA] = {.name = "gamma",
               .kind = TD_KEY_REAL,
               .standard = "2.2",
               .optional = true,
               .least = 1,
               .most = 4,
               .help = "Exponent that turns pixel values into light"},
    [TRIES] = {.name = "tries",
               .kind = TD_KEY_COUNT,
               .standard = "10",
               .optional = true,
               .least = 1,
               .most = 1000,
               .help = "Draws, until one can be seen but not too well"},
    {0},
};

/* A bound reflection. */
typedef struct bound_reflection {
    td_reflection_pictures pictures;
    bool drawn; /* some parameter is drawn */
    td_gamma gamma;
} bound_reflection;

/* Buffers for one image, within its scratch memory. */
typedef struct work {
    const td_part *part;
    td_shape shape;
    size_t size;
    double *ssim;
    float *scene, *picture, *layer, *more; /* [size], except the last */
    uint8_t *clean, *tried, *best;         /* [size] */
} work;

static size_t ssim_scratch(td_shape shape) {
    return td_ssim_scratch(shape.height, shape.width, shape.channels);
}

static size_t scratch_size(td_shape shape) {
    size_t size = td_shape_size(shape);
    return ssim_scratch(shape) * sizeof(double) +
           (3 * size + td_reflection_scratch(shape)) * sizeof(float) + 3 * size;
}

static work cut(const td_part *part, void *scratch) {
    td_shape shape = part->shape;
    work w = {.part = part, .shape = shape, .size = td_shape_size(shape)};
    w.ssim = scratch;
    w.scene = (float *)(w.ssim + ssim_scratch(shape));
    w.picture = w.scene + w.size;
    w.layer = w.picture + w.size;
    w.more = w.layer + w.size;
    w.clean = (uint8_t *)(w.more + td_reflection_scratch(shape));
    w.tried = w.clean + w.size;
    w.best = w.tried + w.size;
    return w;
}

static td_status prepare(td_part *part, td_error *error) {
    TD_TRY(td_keys_one_of(part, 0, TD_REFLECTION_SOURCES, error));
    return td_reflection_prepare(part, error);
}

static bool draws(const td_setting *settings, size_t pictures) {
    size_t type = settings[TYPE].word;
    return pictures > 1 || !settings[ALPHA].given ||
           (type == TD_REFLECTION_GHOST && !(settings[SHIFT].given && settings[BALANCE].given)) ||
           (type == TD_REFLECTION_BLUR && !settings[SIGMA].given);
}

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    bound_reflection *bound;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a reflection", error));
    TD_TRY(td_reflection_bind(&bound->pictures, part, images, error));
    bound->drawn = draws(part->settings, bound->pictures.count);
    td_gamma_make(&bound->gamma, part->settings[GAMMA].number);
    part->bound = bound;
    part->scratch = scratch_size(part->shape);
    return TD_OK;
}

static float uniform(td_random *random, float low, float high) {
    return low + (high - low) * td_random_unit(random);
}

/* Draws all parameters, then overrides those that are given: a given key does not change other
 * draws. */
static td_reflection draw(const td_part *part, td_random *random) {
    const bound_reflection *bound = part->bound;
    const td_setting *settings = part->settings;
    td_reflection r = {.type = (td_reflection_type)settings[TYPE].word};
    r.picture = td_random_below(random, (uint32_t)bound->pictures.count);
    r.alpha = uniform(random, .05F, .45F);
    r.shift_x = 3 + td_random_below(random, 6);
    r.shift_y = 3 + td_random_below(random, 6);
    r.balance = uniform(random, .15F, .85F);
    r.sigma = uniform(random, 1, 5);
    if (settings[ALPHA].given)
        r.alpha = (float)settings[ALPHA].number;
    if (settings[SHIFT].given) {
        r.shift_x = settings[SHIFT].shift.x;
        r.shift_y = settings[SHIFT].shift.y;
    }
    if (settings[BALANCE].given)
        r.balance = (float)settings[BALANCE].number;
    if (settings[SIGMA].given)
        r.sigma = (float)settings[SIGMA].number;
    return r;
}

/* Computes w->tried with this reflection; returns by how much, as a share of the range, it misses
 * being visible but not too much so: 0 for a good one. Stops early if it misses by more than
 * `most`. */
static double attempt(const work *w, const td_reflection *reflection, double most) {
    const bound_reflection *bound = w->part->bound;
    const uint8_t *picture = td_reflection_picture(&bound->pictures, reflection->picture);
    float rest = td_reflection_rest(reflection);
    uint64_t seen = 0, shown = 0;
    int largest = 0;
    for (size_t i = 0; i < w->size; i++)
        w->picture[i] = bound->gamma.light[picture[i]];
    td_reflection_layer(reflection, w->shape, w->scene, w->picture, w->layer, w->more);
    for (size_t i = 0; i < w->size; i++) {
        w->tried[i] = td_gamma_value(&bound->gamma, rest * w->scene[i] + w->layer[i]);
        shown += w->tried[i];
    }
    if (!bound->drawn)
        return 0;
    for (size_t i = 0; i < w->size; i++) {
        int value = td_gamma_value(&bound->gamma, w->layer[i]);
        seen += (uint64_t)value;
        largest = value > largest ? value : largest;
    }
    double missed =
        fmax(0, (double)seen - .8 * ((double)shown - (double)seen)) / (255 * (double)w->size) +
        fmax(0, 25.5 - largest) / 255;
    if (missed >= most)
        return missed;
    double similarity =
        td_ssim(w->clean, w->tried, w->shape.height, w->shape.width, w->shape.channels, w->ssim);
    return missed + fmax(0, fmax(.7 - similarity, similarity - .85));
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const bound_reflection *bound = part->bound;
    size_t tries = bound->drawn ? part->settings[TRIES].count : 1;
    td_random random = td_random_for(stamp.seed, TD_FOR_TRIGGER, 0, (uint32_t)stamp.index);
    work w = cut(part, scratch);
    double least = INFINITY;
    for (size_t i = 0; i < w.size; i++) {
        w.clean[i] = (uint8_t)image[i];
        w.scene[i] = bound->gamma.light[w.clean[i]];
    }
    for (size_t i = 0; i < tries && least > 0; i++) {
        td_reflection reflection = draw(part, &random);
        double missed = attempt(&w, &reflection, least);
        if (missed < least) {
            least = missed;
            memcpy(w.best, w.tried, w.size);
        }
    }
    for (size_t i = 0; i < w.size; i++)
        image[i] = w.best[i];
}

const td_family td_family_reflection = {
    .name = "reflection",
    .doc = "Mirrors a picture in the image, as a pane of glass does",
    .keys = keys,
    .strength = "alpha",
    .prepare = prepare,
    .bind = bind,
    .paint = paint,
};
