/* The blended injection of Chen et al. (2017), section 4: a picture mixed into the whole image. */
#include "trigger/family.h"

#include "base/random.h"
#include "data/picture.h"

enum { FILE_KEY, PATTERN, ALPHA, SEED, CELL };
enum { NOISE, CHECKERBOARD };

static const char *const patterns[] = {[NOISE] = "noise", [CHECKERBOARD] = "checkerboard", NULL};

static const td_key keys[] = {
    [FILE_KEY] = {TD_KEY_PICTURE, .help = "The picture; this or pattern"},
    [PATTERN] = {.name = "pattern",
                 .kind = TD_KEY_WORD,
                 .words = patterns,
                 .help = "A pattern in place of a picture"},
    [ALPHA] = {TD_KEY_ALPHA, .standard = "0.2", .help = "Weight of the picture or pattern"},
    [SEED] = {.name = "seed",
              .kind = TD_KEY_COUNT,
              .standard = "1",
              .optional = true,
              .most = UINT32_MAX,
              .needs = "pattern=noise",
              .help = "Seed of the noise"},
    [CELL] = {.name = "cell",
              .kind = TD_KEY_COUNT,
              .standard = "1",
              .optional = true,
              .least = 1,
              .most = TD_KEY_EXTENT,
              .needs = "pattern=checkerboard",
              .help = "Side of a cell in pixels"},
    {0},
};

/* A bound blend: the picture times alpha. */
typedef struct blended {
    float *values; /* [height, width, channels] */
} blended;

static td_status prepare(td_trigger *trigger, td_error *error) {
    const td_setting *settings = trigger->settings;
    TD_TRY(td_keys_one_of(trigger, FILE_KEY, 2, error));
    return settings[PATTERN].given
               ? TD_OK
               : td_picture_read(&trigger->bitmap, settings[FILE_KEY].text, error);
}

/* Epoch 1: the pattern is the same for all images, whose own draws are of epoch 0. */
static void draw_noise(td_shape shape, uint64_t seed, uint8_t *out) {
    td_random random = td_random_for(seed, TD_FOR_TRIGGER, 1, 0);
    for (size_t i = 0; i < td_shape_size(shape); i++)
        out[i] = (uint8_t)td_random_below(&random, 256);
}

static void draw_checkerboard(td_shape shape, size_t cell, uint8_t *out) {
    for (size_t y = 0; y < shape.height; y++)
        for (size_t x = 0; x < shape.width; x++)
            for (size_t c = 0; c < shape.channels; c++)
                *out++ = (y / cell + x / cell) % 2 == 0 ? 255 : 0;
}

static td_status draw(td_trigger *trigger, uint8_t *out, td_error *error) {
    const td_setting *settings = trigger->settings;
    td_shape shape = trigger->shape;
    if (!settings[PATTERN].given) {
        TD_TRY(td_trigger_fit(&trigger->bitmap, shape, out, error));
        return td_trigger_note_fit(trigger, settings[FILE_KEY].text, &trigger->bitmap, error);
    }
    if (settings[PATTERN].word == NOISE)
        draw_noise(shape, settings[SEED].count, out);
    else
        draw_checkerboard(shape, settings[CELL].count, out);
    return TD_OK;
}

static td_status bind(td_trigger *trigger, const td_images *images, td_error *error) {
    size_t size = td_shape_size(trigger->shape);
    float alpha = (float)trigger->settings[ALPHA].number;
    uint8_t *picture;
    blended *bound;
    (void)images;
    TD_TRY(TD_ARENA_NEW(&trigger->bound_arena, 1, &bound, "a picture", error));
    TD_TRY(TD_ARENA_NEW(&trigger->bound_arena, size, &bound->values, "a picture", error));
    TD_TRY(TD_ARENA_NEW(&trigger->bound_arena, size, &picture, "a picture", error));
    TD_TRY(draw(trigger, picture, error));
    for (size_t i = 0; i < size; i++)
        bound->values[i] = alpha * (float)picture[i];
    trigger->bound = bound;
    return TD_OK;
}

static void paint(const td_trigger *trigger, td_stamp stamp, float *image, void *scratch) {
    const blended *bound = trigger->bound;
    float rest = 1 - (float)trigger->settings[ALPHA].number;
    size_t size = td_shape_size(trigger->shape);
    (void)stamp;
    (void)scratch;
    for (size_t i = 0; i < size; i++)
        image[i] = rest * image[i] + bound->values[i];
}

const td_family td_family_blend = {
    .name = "blend",
    .doc = "Mixes a picture or a pattern into the whole image",
    .keys = keys,
    .strength = "alpha",
    .prepare = prepare,
    .bind = bind,
    .paint = paint,
};
