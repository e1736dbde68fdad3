/* SPDX-License-Identifier: MIT */
/* Triggers in the DCT's domain, a constant added to a few coefficients of each block: FTrojan, Wang
 * et al., "An invisible black-box backdoor attack through frequency domain", ECCV 2022 (Y, Cr, Cb;
 * magnitude 20 at 15+15 and 31+31 of one block of 32 on CIFAR-10, 50 at 31+31 on GTSRB), and CTRL,
 * Li et al., "An embarrassingly simple backdoor attack on self-supervised learning", ICCV 2023 (Y,
 * U, V; magnitude 100).
 *
 * Adding to a coefficient adds a fixed pattern to the image, so rounding=clip simply adds that
 * pattern, converted to RGB. The authors' code stores 8-bit images by truncation with wrap-around;
 * that changes pixels as much as the trigger does, even at magnitude 0. rounding=truncate
 * reproduces it, including the transforms. */
#include "trigger/dct.h"

#include "trigger/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAGNITUDE, POSITIONS, BLOCK, SPACE, CHANNELS, ROUNDING };
enum { YCRCB, YUV };
enum { CHROMA, LUMA, ALL };
enum { CLIP, TRUNCATE };
enum { PLACES = 64 };

/* A colour space: its rows give Y and two chromas from R, G, B; `back` the inverse. As Y, Cr, Cb in
 * OpenCV, and Y, U, V in CTRL's code. Neither pair is an exact inverse. */
typedef struct space {
    double from_rgb[3][3], to_rgb[3][3];
    bool stored; /* rounded to 8 bits between the steps */
} space;

static const space spaces[] = {
    [YCRCB] = {{{.299, .587, .114},
                {.713 * (1 - .299), -.713 * .587, -.713 * .114},
                {-.564 * .299, -.564 * .587, .564 * (1 - .114)}},
               {{1, 1.403, 0}, {1, -.714, -.344}, {1, 0, 1.773}},
               true},
    [YUV] = {{{.299, .587, .114}, {-.147, -.289, .436}, {.615, -.515, -.100}},
             {{1, 0, 1.14}, {1, -.396, -.581}, {1, 2.029, 0}},
             false},
};

/* A bound trigger. */
typedef struct bound_dct {
    size_t block;          /* side of a block */
    size_t places[PLACES]; /* row × block + column */
    size_t place_count;
    bool planes[3]; /* planes to which the magnitude is added */
    float *pattern; /* [height, width, channels], for rounding=clip */
    double *matrix; /* [block, block] */
} bound_dct;

void td_dct_matrix(size_t n, double *matrix) {
    const double pi = 3.14159265358979323846;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n; i++)
            *matrix++ = sqrt((k == 0 ? 1.0 : 2.0) / (double)n) *
                        cos(pi * (double)((2 * i + 1) * k) / (double)(2 * n));
}

/* `out` [n, n] = a·b, or a·bᵀ. */
static void multiply(const double *a, const double *b, size_t n, double *out) {
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                out[i * n + j] += a[i * n + k] * b[k * n + j];
}

static void multiply_transposed(const double *a, const double *b, size_t n, double *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += a[i * n + k] * b[j * n + k];
            out[i * n + j] = sum;
        }
}

static void transpose(double *block, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const double held = block[i * n + j];
            block[i * n + j] = block[j * n + i];
            block[j * n + i] = held;
        }
}

void td_dct_forward(const double *matrix, size_t n, double *block, double *spare) {
    multiply(matrix, block, n, spare);
    multiply_transposed(spare, matrix, n, block);
}

/* Dᵀ·X·D = ((X·D)ᵀ·D)ᵀ */
void td_dct_inverse(const double *matrix, size_t n, double *block, double *spare) {
    multiply(block, matrix, n, spare);
    transpose(spare, n);
    multiply(spare, matrix, n, block);
    transpose(block, n);
}

/* "ROW+COLUMN/ROW+COLUMN…" */
static td_status read_places(td_part *part, bound_dct *bound, td_error *error) {
    const char *at = part->settings[POSITIONS].text;
    for (;;) {
        size_t place[2];
        for (int i = 0; i < 2; i++) {
            char *end;
            const unsigned long value = strtoul(at, &end, 10);
            if (*at < '0' || *at > '9' || (i == 0 && *end != '+') ||
                (i == 1 && *end && *end != '/'))
                return td_fail(error, TD_ERR_USAGE,
                               "key 'positions': expected ROW+COLUMN, several joined by '/', found "
                               "'%s'",
                               part->settings[POSITIONS].text);
            if (value >= bound->block)
                return td_fail(error, TD_ERR_USAGE,
                               "key 'positions': expected rows and columns below the block's %zu, "
                               "found %lu",
                               bound->block, value);
            place[i] = value;
            at = i == 0 ? end + 1 : end;
        }
        if (bound->place_count == PLACES)
            return td_fail(error, TD_ERR_USAGE, "key 'positions': expected at most %d", PLACES);
        bound->places[bound->place_count++] = place[0] * bound->block + place[1];
        if (!*at++)
            return TD_OK;
    }
}

static td_status choose_planes(const td_part *part, bound_dct *bound, td_error *error) {
    const size_t channels = part->settings[CHANNELS].word;
    if (part->shape.channels == 1 && channels != LUMA)
        return td_fail(error, TD_ERR_USAGE,
                       "expected channels=luma for grey images, found channels=%s",
                       part->family->keys[CHANNELS].words[channels]);
    bound->planes[0] = channels != CHROMA;
    bound->planes[1] = bound->planes[2] = channels != LUMA;
    return TD_OK;
}

/* One block of the pattern added to a plane. */
static void draw_block(const td_part *part, const bound_dct *bound, double *block, double *spare) {
    memset(block, 0, bound->block * bound->block * sizeof *block);
    for (size_t i = 0; i < bound->place_count; i++)
        block[bound->places[i]] += part->settings[MAGNITUDE].number;
    td_dct_inverse(bound->matrix, bound->block, block, spare);
}

static void draw_pattern(const td_part *part, bound_dct *bound, const double *block) {
    const td_shape shape = part->shape;
    const space *s = &spaces[part->settings[SPACE].word];
    const size_t n = bound->block, rows = shape.height / n * n, columns = shape.width / n * n;
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++) {
            const double value = block[y % n * n + x % n];
            float *pixel = bound->pattern + (y * shape.width + x) * shape.channels;
            for (size_t c = 0; c < shape.channels; c++)
                for (int plane = 0; plane < 3; plane++)
                    if (bound->planes[plane])
                        pixel[c] += (float)(s->to_rgb[c][plane] * value);
        }
}

static td_status bind(td_part *part, const td_images *images, td_error *error) {
    const td_shape shape = part->shape;
    const size_t smaller = shape.height < shape.width ? shape.height : shape.width;
    const td_setting *block = &part->settings[BLOCK];
    bound_dct *bound;
    double *spare;
    (void)images;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 1, &bound, "a pattern", error));
    bound->block = block->given ? block->count : smaller;
    if (bound->block > smaller)
        return td_fail(error, TD_ERR_USAGE,
                       "key 'block': expected at most the images' %zu, found "
                       "%zu",
                       smaller, bound->block);
    TD_TRY(read_places(part, bound, error));
    TD_TRY(choose_planes(part, bound, error));
    const size_t area = bound->block * bound->block;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, area, &bound->matrix, "a pattern", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, 2 * area, &spare, "a pattern", error));
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, td_shape_size(shape), &bound->pattern, "a pattern",
                        error));
    td_dct_matrix(bound->block, bound->matrix);
    draw_block(part, bound, spare, spare + area);
    draw_pattern(part, bound, spare);
    part->bound = bound;
    if (part->settings[ROUNDING].word == TRUNCATE)
        part->scratch = (3 * shape.height * shape.width + 2 * area) * sizeof(double);
    return TD_OK;
}

static double cut_off(double value) {
    return (double)((long)value & 255);
}

static double stored(double value) {
    return fmin(fmax(rint(value), 0), 255);
}

/* Splits the image into `planes` [3, height × width] of the colour space; a grey image has only
 * luma. */
static void split_planes(const space *s, td_shape shape, const float *image, double *planes) {
    const size_t size = shape.height * shape.width;
    for (size_t i = 0; i < size; i++, image += shape.channels)
        for (size_t plane = 0; plane < shape.channels; plane++) {
            double sum = shape.channels == 1 ? (double)image[0] : 0;
            for (size_t c = 0; shape.channels == 3 && c < 3; c++)
                sum += s->from_rgb[plane][c] * (double)image[c];
            planes[plane * size + i] = s->stored ? stored(sum + (plane > 0 ? 128 : 0)) : sum;
        }
}

static void join_planes(const space *s, td_shape shape, const double *planes, float *image) {
    const size_t size = shape.height * shape.width;
    for (size_t i = 0; i < size; i++, image += shape.channels)
        for (size_t c = 0; c < shape.channels; c++) {
            double sum = 0;
            for (size_t plane = 0; plane < shape.channels; plane++)
                sum += s->to_rgb[c][plane] *
                       (planes[plane * size + i] - (s->stored && plane > 0 ? 128 : 0));
            image[c] = (float)(s->stored ? stored(sum) : cut_off(sum));
        }
}

/* Transforms one plane block by block, adds to it if `adds`, and transforms back. */
static void treat_plane(const td_part *part, bool adds, double *plane, double *spare) {
    const bound_dct *bound = part->bound;
    const size_t n = bound->block, width = part->shape.width;
    for (size_t top = 0; top + n <= part->shape.height; top += n)
        for (size_t left = 0; left + n <= width; left += n) {
            double *block = spare, *corner = plane + top * width + left;
            for (size_t y = 0; y < n; y++)
                memcpy(block + y * n, corner + y * width, n * sizeof *block);
            td_dct_forward(bound->matrix, n, block, spare + n * n);
            for (size_t i = 0; adds && i < bound->place_count; i++)
                block[bound->places[i]] += part->settings[MAGNITUDE].number;
            td_dct_inverse(bound->matrix, n, block, spare + n * n);
            for (size_t y = 0; y < n; y++)
                memcpy(corner + y * width, block + y * n, n * sizeof *block);
        }
}

static void paint_truncated(const td_part *part, float *image, double *scratch) {
    const bound_dct *bound = part->bound;
    const space *s = &spaces[part->settings[SPACE].word];
    const size_t size = part->shape.height * part->shape.width;
    split_planes(s, part->shape, image, scratch);
    for (size_t plane = 0; plane < part->shape.channels; plane++) {
        treat_plane(part, bound->planes[plane], scratch + plane * size, scratch + 3 * size);
        for (size_t i = 0; s->stored && i < size; i++)
            scratch[plane * size + i] = cut_off(scratch[plane * size + i]);
    }
    join_planes(s, part->shape, scratch, image);
}

static void paint(const td_part *part, td_stamp stamp, float *image, void *scratch) {
    const bound_dct *bound = part->bound;
    (void)stamp;
    if (part->settings[ROUNDING].word == TRUNCATE) {
        paint_truncated(part, image, scratch);
        return;
    }
    for (size_t i = 0; i < td_shape_size(part->shape); i++)
        image[i] += bound->pattern[i];
}

static const char *const space_names[] = {[YCRCB] = "ycrcb", [YUV] = "yuv", NULL};
static const char *const channel_names[] = {
    [CHROMA] = "chroma", [LUMA] = "luma", [ALL] = "all", NULL};
static const char *const rounding_names[] = {[CLIP] = "clip", [TRUNCATE] = "truncate", NULL};

static const td_key keys[] = {
    [MAGNITUDE] = {.name = "magnitude",
                   .kind = TD_KEY_REAL,
                   .standard = "20",
                   .least = -1e6,
                   .most = 1e6,
                   .help = "What is added to a coefficient (FTrojan: 20, on GTSRB 50 at 31+31 "
                           "alone; BackdoorBench: 30; CTRL: 100)"},
    [POSITIONS] = {.name = "positions",
                   .kind = TD_KEY_TEXT,
                   .standard = "15+15/31+31",
                   .value = "ROW+COLUMN",
                   .expected = "ROW+COLUMN, several joined by '/'",
                   .help = "The coefficients, several joined by '/'"},
    [BLOCK] = {.name = "block",
               .kind = TD_KEY_COUNT,
               .optional = true,
               .least = 1,
               .most = 512,
               .help = "Side of a block; without, the smaller side of the images"},
    [SPACE] = {.name = "space",
               .kind = TD_KEY_WORD,
               .words = space_names,
               .standard = "ycrcb",
               .optional = true,
               .help = "Colours: ycrcb as FTrojan has them, yuv as CTRL"},
    [CHANNELS] = {.name = "channels",
                  .kind = TD_KEY_WORD,
                  .words = channel_names,
                  .standard = "chroma",
                  .help = "What it is added to; grey images have luma alone"},
    [ROUNDING] = {.name = "rounding",
                  .kind = TD_KEY_WORD,
                  .words = rounding_names,
                  .standard = "clip",
                  .optional = true,
                  .help =
                      "truncate: as the authors' code, which cuts decimals off and wraps around"},
    {0},
};

const td_family td_family_dct = {
    .name = "dct",
    .doc = "Adds a constant to coefficients of the image's cosine transform (FTrojan, CTRL)",
    .keys = keys,
    .strength = "magnitude",
    .bind = bind,
    .paint = paint,
};
