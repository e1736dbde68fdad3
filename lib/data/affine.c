/* SPDX-License-Identifier: MIT */
#include "data/affine.h"

#include <math.h>
#include <stdbool.h>

td_affine td_affine_identity(void) {
    return (td_affine){.xx = 1, .yy = 1};
}

td_affine td_affine_translate(double right, double down) {
    return (td_affine){.xx = 1, .dx = -right, .yy = 1, .dy = -down};
}

td_affine td_affine_rotate(double degrees) {
    double angle = degrees * (3.141592653589793 / 180), c = cos(angle), s = sin(angle);
    return (td_affine){.xx = c, .xy = -s, .yx = s, .yy = c};
}

td_affine td_affine_scale(double scale) {
    return (td_affine){.xx = 1 / scale, .yy = 1 / scale};
}

td_affine td_affine_mirror(void) {
    return (td_affine){.xx = -1, .yy = 1};
}

td_affine td_affine_shear(double degrees) {
    double angle = degrees * (3.141592653589793 / 180);
    return (td_affine){.xx = 1, .xy = -sin(angle), .yy = cos(angle)};
}

td_affine td_affine_stretch(double across, double down) {
    return (td_affine){.xx = across, .yy = down};
}

/* A result point maps to a point of `second`'s input, and from there to `first`'s input. */
td_affine td_affine_then(td_affine first, td_affine second) {
    const td_affine *a = &first, *b = &second;
    return (td_affine){
        .xx = a->xx * b->xx + a->xy * b->yx,
        .xy = a->xx * b->xy + a->xy * b->yy,
        .dx = a->xx * b->dx + a->xy * b->dy + a->dx,
        .yx = a->yx * b->xx + a->yy * b->yx,
        .yy = a->yx * b->xy + a->yy * b->yy,
        .dy = a->yx * b->dx + a->yy * b->dy + a->dy,
    };
}

/* The two pixels next to a coordinate; one outside the image has weight 0 and a valid index. */
typedef struct neighbours {
    size_t at[2];
    float weight[2];
} neighbours;

/* `coordinate` lies between −1 and `size`. */
static neighbours find_neighbours(double coordinate, size_t size) {
    double below = floor(coordinate);
    float part = (float)(coordinate - below);
    neighbours n = {.weight = {1 - part, part}};
    if (below < 0)
        n.weight[0] = 0;
    else
        n.at[0] = (size_t)below;
    if (below + 1 < (double)size)
        n.at[1] = (size_t)(below + 1);
    else
        n.weight[1] = 0;
    return n;
}

static double clamp(double coordinate, size_t size) {
    return fmin(fmax(coordinate, 0), (double)(size - 1));
}

static void sample(td_affine map, const uint8_t *from, size_t height, size_t width, size_t channels,
                   bool nearest, float *to) {
    const double middle_x = (double)(width - 1) / 2, middle_y = (double)(height - 1) / 2;
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++, to += channels) {
            double x = (double)column - middle_x, y = (double)row - middle_y;
            double from_x = map.xx * x + map.xy * y + map.dx + middle_x;
            double from_y = map.yx * x + map.yy * y + map.dy + middle_y;
            if (nearest) {
                from_x = clamp(from_x, width);
                from_y = clamp(from_y, height);
            }
            for (size_t c = 0; c < channels; c++)
                to[c] = 0;
            if (!(from_x > -1 && from_x < (double)width && from_y > -1 && from_y < (double)height))
                continue;
            neighbours h = find_neighbours(from_x, width), v = find_neighbours(from_y, height);
            for (size_t i = 0; i < 4; i++) {
                const uint8_t *pixel = from + (v.at[i / 2] * width + h.at[i % 2]) * channels;
                float weight = v.weight[i / 2] * h.weight[i % 2];
                if (weight == 0)
                    continue;
                for (size_t c = 0; c < channels; c++)
                    to[c] += weight * pixel[c];
            }
        }
}

void td_affine_sample(td_affine map, const uint8_t *from, size_t height, size_t width,
                      size_t channels, float *to) {
    sample(map, from, height, width, channels, false, to);
}

void td_affine_sample_nearest(td_affine map, const uint8_t *from, size_t height, size_t width,
                              size_t channels, float *to) {
    sample(map, from, height, width, channels, true, to);
}
