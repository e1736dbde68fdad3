/* SPDX-License-Identifier: MIT */
/* The blended injection of Chen et al. (2017), section 4: a picture mixed into the whole image; and
 * Adap-Blend of Qi et al., "Revisiting the assumption of latent separability for backdoor
 * defenses", ICLR 2023: mixed only into some cells of a grid, drawn for each image. */
#include "trigger/family.h"

#include "base/random.h"
#include "data/picture.h"

enum { FILE_KEY, PATTERN, ALPHA, SEED, CELL, CELLS, OFF };
enum { NOISE, CHECKERBOARD };
enum { GRID_CELLS = 16 };

static const char *const patterns[] = {[NOISE] = "noise", [CHECKERBOARD] = "checkerboard", NULL};

#define PICTURE_KEYS                                                                               \
    [FILE_KEY] = {TD_KEY_PICTURE, .help = "The picture; this or pattern"},                         \
    [PATTERN] = {.name = "pattern",                                                                \
                 .kind = TD_KEY_WORD,                                                              \
                 .words = patterns,                                                                \
                 .help = "A pattern instead of a picture"},                                        \
    [ALPHA] = {TD_KEY_ALPHA, .standard = "0.2", .help = "Weight of the picture or pattern"},       \
    [SEED] = {.name = "seed",                                                                      \
              .kind = TD_KEY_COUNT,                                                                \
              .standard = "1",                                                                     \
              .optional = true,                                                                    \
              .most = UINT32_MAX,                                                                  \
              .needs = "pattern=noise",                                                            \
              .help = "Seed of the noise"},                                                        \
    [CELL] = {.name = "cell",                                                                      \
              .kind = TD_KEY_COUNT,                                                                \
              .standard = "1",                                                                     \
              .optional = true,                                                                    \
              .least = 1,                                                                          \
              .most = TD_KEY_EXTENT,                                                               \
              .needs = "pattern=checkerboard",                                                     \
              .help = "Side of a cell in pixels"}

static const td_key keys[] = {PICTURE_KEYS, {0}};

static const td_key grid_keys[] = {
    PICTURE_KEYS,
    [CELLS] = {.name = "cells",
               .kind = TD_KEY_COUNT,
               .standard = "4",
               .least = 1,
               .most = GRID_CELLS,
               .help = "Cells of a side of the grid"},
    [OFF] = {.name = "off",
             .kind = TD_KEY_COUNT,
             .standard = "8",
             .most = GRID_CELLS * GRID_CELLS,
             .help = "How many cells stay unchanged, drawn for every image; 0 for a test"},
    {0},
};

/* A bound blend: the picture times alpha. */
typedef struct blended {
    float *values; /* [height, width, channels] */
} blended;

static td_status prepare(td_part *part, td_error *error) {
    const td_setting *settings = part->settings;
    TD_TRY(td_keys_one_of(part, FILE_KEY, 2, error));
    return settings[PATTERN].given ? TD_OK
                                   : td_picture_read(&part->bitmap, settings[FILE_KEY].text, error);
}

/* Epoch 1: one pattern for all images; per-image draws use epoch 0. */
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

static td_status draw(td_part *part, uint8_t *out, td_error *error) {
    const td_setting *settings = part->settings;
    td_shape shape = part->shape;
    if (!settings[PATTERN].given) {
        TD_TRY(td_part_fit(&part->bitmap, shape, out, error));
        return td_part_note_fit(part, settings[FILE_KEY].text, &part->bitmap, error);
    }
    if (settings[PATTERN].word == NOISE)
        draw_noise(shape, settings[SEED].count, out);
    else
        draw_checkerboard(shape, settings[CELL].count, out);
    return TD_OK;
}

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    size_t size = td_shape_size(part->shape);
    float alpha = (float)part->settings[ALPHA].number;
    uint8_t *picture;
    blended *bound;
    (void)images;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a picture", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &bound->values, "a picture", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, size, &picture, "a picture", error));
    TD_TRY(draw(part, picture, error));
    for (size_t i = 0; i < size; i++)
        bound->values[i] = alpha * (float)picture[i];
    part->bound = bound;
    return TD_OK;
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const blended *bound = part->bound;
    float rest = 1 - (float)part->settings[ALPHA].number;
    size_t size = td_shape_size(part->shape);
    (void)stamp;
    (void)scratch;
    for (size_t i = 0; i < size; i++)
        image[i] = rest * image[i] + bound->values[i];
}

/* --- some cells only --- */

static td_status prepare_grid(td_part *part, td_error *error) {
    const size_t cells = part->settings[CELLS].count * part->settings[CELLS].count;
    if (part->settings[OFF].count >= cells)
        return td_fail(error, TD_ERR_USAGE,
                       "trigger '%s': key 'off': expected less than the %zu cells, found %zu",
                       part->text, cells, part->settings[OFF].count);
    return prepare(part, error);
}

/* Cells differ by at most a pixel if the side is not a multiple of their number. */
static void paint_grid(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const blended *bound = part->bound;
    const td_shape shape = part->shape;
    const size_t side = part->settings[CELLS].count, off = part->settings[OFF].count;
    const float rest = 1 - (float)part->settings[ALPHA].number;
    td_random random = td_random_for(stamp.seed, TD_FOR_TRIGGER, 0, (uint32_t)stamp.index);
    uint32_t order[GRID_CELLS * GRID_CELLS];
    bool left[GRID_CELLS * GRID_CELLS] = {false};
    (void)scratch;
    td_random_permutation(&random, order, (uint32_t)(side * side));
    for (size_t i = 0; i < off; i++)
        left[order[i]] = true;
    for (size_t y = 0; y < shape.height; y++)
        for (size_t x = 0; x < shape.width; x++) {
            const size_t cell = y * side / shape.height * side + x * side / shape.width;
            const size_t at = (y * shape.width + x) * shape.channels;
            for (size_t i = at; !left[cell] && i < at + shape.channels; i++)
                image[i] = rest * image[i] + bound->values[i];
        }
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

const td_family td_family_grid_blend = {
    .name = "grid-blend",
    .doc =
        "Mixes a picture or a pattern into some cells of a grid, drawn for each image (Adap-Blend)",
    .keys = grid_keys,
    .strength = "alpha",
    .prepare = prepare_grid,
    .bind = bind,
    .paint = paint_grid,
};
