/* The geometric triggers: a plain shape in one colour. Each shape is one coverage function. */
#include "trigger/family.h"

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

typedef struct placed {
    size_t size;
    const td_position *position;
    const td_colour *colour;
} placed;

static const td_key sized_keys[] = {
    {.name = "size",
     .kind = TD_KEY_NUMBER,
     .standard = "7",
     .least = 1,
     .most = TD_TRIGGER_EXTENT,
     .whole = true},
    {.name = "at", .kind = TD_KEY_POSITION, .standard = "top-left"},
    {.name = "value", .kind = TD_KEY_COLOUR, .standard = "255"},
};

static placed sized_patch(const td_trigger *trigger) {
    const td_setting *settings = trigger->settings;
    return (placed){(size_t)settings[0].number, &settings[1].position, &settings[2].colour};
}

static const td_key pixel_keys[] = {
    {.name = "at", .kind = TD_KEY_POSITION, .standard = "top-left"},
    {.name = "value", .kind = TD_KEY_COLOUR, .standard = "255"},
};

static placed pixel_patch(const td_trigger *trigger) {
    return (placed){1, &trigger->settings[0].position, &trigger->settings[1].colour};
}

static td_status check(placed patch, td_shape shape, td_error *error) {
    const uint8_t *rgb = patch.colour->rgb;
    if (shape.channels == 1 && !patch.colour->grey)
        return td_fail(error, TD_ERR_USAGE, "expected one value for grey images, found %d/%d/%d",
                       rgb[0], rgb[1], rgb[2]);
    size_t top, left;
    return td_position_resolve(patch.position, patch.size, patch.size, shape, &top, &left, error);
}

static td_status check_sized(const td_trigger *trigger, td_shape shape, td_error *error) {
    return check(sized_patch(trigger), shape, error);
}

static td_status check_pixel(const td_trigger *trigger, td_shape shape, td_error *error) {
    return check(pixel_patch(trigger), shape, error);
}

static void paint(placed patch, covers_fn covers, td_shape shape, float *image) {
    size_t top, left;
    if (td_position_resolve(patch.position, patch.size, patch.size, shape, &top, &left, NULL))
        return;
    for (size_t y = 0; y < patch.size; y++)
        for (size_t x = 0; x < patch.size; x++) {
            if (!covers((long)patch.size, (long)y, (long)x))
                continue;
            float *pixel = image + ((top + y) * shape.width + left + x) * shape.channels;
            for (size_t c = 0; c < shape.channels; c++)
                pixel[c] = patch.colour->rgb[c];
        }
}

static void paint_square(const td_trigger *trigger, td_shape shape, float *image) {
    paint(sized_patch(trigger), covers_square, shape, image);
}

static void paint_triangle(const td_trigger *trigger, td_shape shape, float *image) {
    paint(sized_patch(trigger), covers_triangle, shape, image);
}

static void paint_rhombus(const td_trigger *trigger, td_shape shape, float *image) {
    paint(sized_patch(trigger), covers_rhombus, shape, image);
}

static void paint_pixel(const td_trigger *trigger, td_shape shape, float *image) {
    paint(pixel_patch(trigger), covers_square, shape, image);
}

enum {
    SIZED_KEYS = sizeof sized_keys / sizeof *sized_keys,
    PIXEL_KEYS = sizeof pixel_keys / sizeof *pixel_keys,
};

const td_family td_family_square = {
    .name = "square",
    .keys = sized_keys,
    .key_count = SIZED_KEYS,
    .check = check_sized,
    .paint = paint_square,
};

const td_family td_family_triangle = {
    .name = "triangle",
    .keys = sized_keys,
    .key_count = SIZED_KEYS,
    .check = check_sized,
    .paint = paint_triangle,
};

const td_family td_family_rhombus = {
    .name = "rhombus",
    .keys = sized_keys,
    .key_count = SIZED_KEYS,
    .check = check_sized,
    .paint = paint_rhombus,
};

const td_family td_family_pixel = {
    .name = "pixel",
    .keys = pixel_keys,
    .key_count = PIXEL_KEYS,
    .check = check_pixel,
    .paint = paint_pixel,
};
