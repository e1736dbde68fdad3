/* SPDX-License-Identifier: MIT */
/* A picture as trigger: pasted at its position with its own alpha. */
#include "data/picture.h"
#include "trigger/family.h"

enum { FILE_KEY, AT_KEY, ALPHA };

static const td_key keys[] = {
    [FILE_KEY] = {TD_KEY_PICTURE, .required = true, .help = "The picture"},
    [AT_KEY] = {TD_KEY_AT},
    [ALPHA] = {TD_KEY_ALPHA, .standard = "1", .optional = true,
               .help = "Its opacity, times the picture's own"},
    {0},
};

/* A bound image: the position of its top-left pixel. */
typedef struct pasted {
    size_t top, left;
} pasted;

static float alpha_of(const td_bitmap *bitmap, const uint8_t *pixel) {
    bool has_alpha = bitmap->channels % 2 == 0; /* grey+alpha, RGBA */
    return has_alpha ? (float)pixel[bitmap->channels - 1] / 255.0F : 1.0F;
}

static td_status prepare(td_part *part, td_error *error) {
    const char *path = part->settings[FILE_KEY].text;
    td_bitmap *bitmap = &part->bitmap;
    TD_TRY(td_picture_read(bitmap, path, error));
    size_t count = bitmap->width * bitmap->height;
    for (size_t i = 0; i < count; i++)
        if (alpha_of(bitmap, bitmap->pixels + i * bitmap->channels) > 0)
            return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected a visible picture, found none but "
                   "transparent pixels",
                   path);
}

/* Grey, or RGB without a visible coloured pixel. */
static bool is_grey(const td_bitmap *bitmap) {
    if (bitmap->channels < 3)
        return true;
    size_t count = bitmap->width * bitmap->height;
    const uint8_t *pixel = bitmap->pixels;
    for (size_t i = 0; i < count; i++, pixel += bitmap->channels)
        if ((pixel[0] != pixel[1] || pixel[0] != pixel[2]) && alpha_of(bitmap, pixel) > 0)
            return false;
    return true;
}

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    const td_bitmap *bitmap = &part->bitmap;
    pasted *bound;
    (void)images;
    if (part->shape.channels == 1 && !is_grey(bitmap))
        return td_fail(error, TD_ERR_USAGE,
                       "expected a grey picture for grey images, found one in "
                       "colour");
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a trigger", error));
    part->bound = bound;
    return td_position_resolve(&part->settings[AT_KEY].position, bitmap->height, bitmap->width,
                               part->shape, &bound->top, &bound->left, error);
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const td_bitmap *bitmap = &part->bitmap;
    const pasted *bound = part->bound;
    td_shape shape = part->shape;
    size_t colours = bitmap->channels < 3 ? 1 : 3;
    float opacity = (float)part->settings[ALPHA].number;
    const uint8_t *from = bitmap->pixels;
    (void)stamp;
    (void)scratch;
    for (size_t y = 0; y < bitmap->height; y++) {
        float *to = image + ((bound->top + y) * shape.width + bound->left) * shape.channels;
        for (size_t x = 0; x < bitmap->width; x++) {
            float alpha = opacity * alpha_of(bitmap, from);
            for (size_t c = 0; c < shape.channels; c++)
                to[c] += alpha * ((float)from[colours == 1 ? 0 : c] - to[c]);
            from += bitmap->channels;
            to += shape.channels;
        }
    }
}

const td_family td_family_image = {
    .name = "image",
    .doc = "A picture pasted in, its own alpha respected",
    .keys = keys,
    .strength = "alpha",
    .prepare = prepare,
    .bind = bind,
    .paint = paint,
};
