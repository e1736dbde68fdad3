/* SPDX-License-Identifier: MIT */
/* The geometric triggers: a plain shape in one colour. Each shape is one coverage function. */
#include "trigger/family.h"

#include <math.h>
#include <stdlib.h>

/* Whether the pixel at (row, column) of the size × size box belongs to the shape. Shapes are
 * measured in half pixels from the box's centre, so that odd and even sizes are both symmetric. */
typedef bool (*covers_fn)(long size, long row, long column);

static bool covers_square(long size, long row, long column) {
    return row < size && column < size;
}

/* Isosceles, apex at the top, filling the box: every second row is one pixel wider on each side. */
static bool covers_triangle(long size, long row, long column) {
    return labs(2 * column + 1 - size) <= row + (size % 2 == 0);
}

/* The ball |dx| + |dy| that touches the box on all four sides. */
static bool covers_rhombus(long size, long row, long column) {
    long radius = size - size % 2;
    return labs(2 * column + 1 - size) + labs(2 * row + 1 - size) <= radius;
}

enum { SIZE, AT, VALUE, ALPHA, SOFT };
enum { PIXEL_AT, PIXEL_VALUE, PIXEL_ALPHA };

#define VALUE_KEY                                                                                  \
    .name = "value", .kind = TD_KEY_COLOUR, .standard = "255",                                     \
    .help = "Its pixel value; one for all channels, or R/G/B"
#define OPACITY_KEY TD_KEY_ALPHA, .standard = "1", .optional = true, .help = "Its opacity"

static const td_key sized_keys[] = {
    [SIZE] = {.name = "size",
              .kind = TD_KEY_COUNT,
              .standard = "7",
              .least = 1,
              .most = TD_KEY_EXTENT,
              .help = "Height and width in pixels"},
    [AT] = {TD_KEY_AT},
    [VALUE] = {VALUE_KEY},
    [ALPHA] = {OPACITY_KEY},
    [SOFT] = {.name = "soft",
              .kind = TD_KEY_REAL,
              .standard = "0",
              .optional = true,
              .most = TD_KEY_EXTENT,
              .help = "Pixels over which the opacity rises from the edge inwards"},
    {0},
};

static const td_key pixel_keys[] = {
    [PIXEL_AT] = {TD_KEY_AT}, [PIXEL_VALUE] = {VALUE_KEY}, [PIXEL_ALPHA] = {OPACITY_KEY}, {0}};

/* A patch from its keys and, once bound, its position on the image. */
typedef struct placed {
    size_t size;
    const td_position *position;
    const td_colour *colour;
    double alpha, soft;
    size_t top, left;
    float *opacity; /* [size, size] */
} placed;

static placed sized_patch(const td_part *part) {
    const td_setting *s = part->settings;
    return (placed){.size = s[SIZE].count,
                    .position = &s[AT].position,
                    .colour = &s[VALUE].colour,
                    .alpha = s[ALPHA].number,
                    .soft = s[SOFT].number};
}

static placed pixel_patch(const td_part *part) {
    const td_setting *s = part->settings;
    return (placed){.size = 1,
                    .position = &s[PIXEL_AT].position,
                    .colour = &s[PIXEL_VALUE].colour,
                    .alpha = s[PIXEL_ALPHA].number};
}

/* Steps to the nearest pixel outside the shape, which includes everything outside the box: two
 * sweeps take the minimum over the neighbours above and to the left, then below and to the right.
 */
static void measure_steps(size_t size, covers_fn covers, float *steps) {
    for (size_t y = 0; y < size; y++)
        for (size_t x = 0; x < size; x++) {
            float up = y > 0 ? steps[(y - 1) * size + x] : 0;
            float left = x > 0 ? steps[y * size + x - 1] : 0;
            bool inside = covers((long)size, (long)y, (long)x);
            steps[y * size + x] = inside ? fminf(up, left) + 1 : 0;
        }
    for (size_t y = size; y-- > 0;)
        for (size_t x = size; x-- > 0;) {
            float down = y + 1 < size ? steps[(y + 1) * size + x] : 0;
            float right = x + 1 < size ? steps[y * size + x + 1] : 0;
            steps[y * size + x] = fminf(steps[y * size + x], fminf(down, right) + 1);
        }
}

static void fill_opacity(const placed *patch, covers_fn covers) {
    measure_steps(patch->size, covers, patch->opacity);
    for (size_t i = 0; i < patch->size * patch->size; i++) {
        double depth = (double)patch->opacity[i] - 0.5;
        double covered = depth < 0 ? 0 : depth < patch->soft ? depth / patch->soft : 1;
        patch->opacity[i] = (float)(patch->alpha * covered);
    }
}

static td_status bind(td_part *part, placed patch, covers_fn covers, td_error *error) {
    const uint8_t *rgb = patch.colour->rgb;
    placed *bound;
    if (part->shape.channels == 1 && !patch.colour->grey)
        return td_fail(error, TD_ERR_USAGE, "expected one value for grey images, found %d/%d/%d",
                       rgb[0], rgb[1], rgb[2]);
    TD_TRY(td_position_resolve(patch.position, patch.size, patch.size, part->shape, &patch.top,
                               &patch.left, error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, patch.size * patch.size, &patch.opacity, "a patch",
                        error));
    fill_opacity(&patch, covers);
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a patch", error));
    *bound = patch;
    part->bound = bound;
    return TD_OK;
}

static td_status bind_square(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, sized_patch(part), covers_square, error);
}

static td_status bind_triangle(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, sized_patch(part), covers_triangle, error);
}

static td_status bind_rhombus(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, sized_patch(part), covers_rhombus, error);
}

static td_status bind_pixel(td_part *part, const td_images *images, td_error *error) {
    (void)images;
    return bind(part, pixel_patch(part), covers_square, error);
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const placed *patch = part->bound;
    td_shape shape = part->shape;
    (void)stamp;
    (void)scratch;
    for (size_t y = 0; y < patch->size; y++) {
        float *pixel = image + ((patch->top + y) * shape.width + patch->left) * shape.channels;
        const float *opacity = patch->opacity + y * patch->size;
        for (size_t x = 0; x < patch->size; x++, pixel += shape.channels)
            for (size_t c = 0; c < shape.channels; c++)
                pixel[c] += opacity[x] * ((float)patch->colour->rgb[c] - pixel[c]);
    }
}

const td_family td_family_square = {
    .name = "square",
    .doc = "A square of one colour",
    .keys = sized_keys,
    .strength = "alpha",
    .bind = bind_square,
    .paint = paint,
};

const td_family td_family_triangle = {
    .name = "triangle",
    .doc = "An isosceles triangle, its apex at the top, in one colour",
    .keys = sized_keys,
    .strength = "alpha",
    .bind = bind_triangle,
    .paint = paint,
};

const td_family td_family_rhombus = {
    .name = "rhombus",
    .doc = "A rhombus in one colour",
    .keys = sized_keys,
    .strength = "alpha",
    .bind = bind_rhombus,
    .paint = paint,
};

const td_family td_family_pixel = {
    .name = "pixel",
    .doc = "A single pixel",
    .keys = pixel_keys,
    .strength = "alpha",
    .bind = bind_pixel,
    .paint = paint,
};
