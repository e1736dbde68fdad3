/* SPDX-License-Identifier: MIT */
#include "data/augment.h"

#include "base/size.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Uniform in [−1, 1). */
static double draw_signed(td_random *random) {
    return 2 * (double)td_random_unit(random) - 1;
}

static double draw_pixels(td_random *random, double most) {
    return (double)td_random_below(random, 2 * (uint32_t)most + 1) - most;
}

static td_affine draw_zoom(td_random *random, double amount) {
    return td_affine_scale(1 + amount * draw_signed(random));
}

static td_affine draw_rotate(td_random *random, double amount) {
    return td_affine_rotate(amount * draw_signed(random));
}

static td_affine draw_shift(td_random *random, double amount) {
    double right = draw_pixels(random, amount);
    return td_affine_translate(right, draw_pixels(random, amount));
}

static td_affine draw_flip(td_random *random, double amount) {
    (void)amount;
    return td_random_below(random, 2) ? td_affine_mirror() : td_affine_identity();
}

enum { MOST_PIXELS = 1024 };

const td_augment_kind td_augment_kinds[TD_AUGMENT_KINDS] = {
    {"zoom", 0, 0.9, false, 0.1, draw_zoom},
    {"rotate", 0, 180, false, 15, draw_rotate},
    {"shift", 0, MOST_PIXELS, true, 2, draw_shift},
    {"crop", 0, MOST_PIXELS, true, 4, draw_shift},
    {"flip", 0, 0, false, 1, draw_flip},
};

static void paint(const td_augment *augment, td_random *random, const td_images *images,
                  size_t index, float *out) {
    td_affine map = td_affine_identity();
    for (size_t i = 0; i < TD_AUGMENT_KINDS; i++)
        if (augment->amounts[i] != 0)
            map = td_affine_then(map, td_augment_kinds[i].draw(random, augment->amounts[i]));
    td_affine_sample(map, td_image(images, index), images->height, images->width, images->channels,
                     out);
}

static const td_augment_scheme plain = {"", td_augment_kinds, TD_AUGMENT_KINDS, paint};

static const td_augment_scheme *const schemes[] = {&plain, &td_augment_keras};

static td_status fail_unknown(const td_augment_scheme *scheme, const char *name, int length,
                              td_error *error) {
    char names[128];
    size_t used = 0;
    for (size_t i = 0; i < scheme->count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 scheme->kinds[i].name);
    return td_fail(error, TD_ERR_USAGE, "expected one of %s, found \"%.*s\"", names, length, name);
}

/* strtod alone also accepts blanks, inf, nan and 0x. */
static bool read_amount(const td_augment_kind *kind, const char *text, size_t length, double *out) {
    char copy[32], *end;
    if (length == 0 || length >= sizeof copy || strspn(text, "0123456789+-.eE") < length)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0' && *out > kind->above && *out <= kind->most &&
           (!kind->whole || *out == floor(*out));
}

/* One KIND[=AMOUNT] of `length` bytes. */
static td_status parse_one(td_augment *out, const char *item, size_t length, td_error *error) {
    const td_augment_scheme *scheme = out->scheme;
    size_t name = td_size_min(strcspn(item, "="), length), i = 0;
    while (i < scheme->count && (strlen(scheme->kinds[i].name) != name ||
                                 strncmp(scheme->kinds[i].name, item, name) != 0))
        i++;
    if (i == scheme->count)
        return fail_unknown(scheme, item, (int)td_size_min(name, 64), error);
    const td_augment_kind *kind = &scheme->kinds[i];
    if (out->amounts[i] != 0)
        return td_fail(error, TD_ERR_USAGE, "\"%s\" is given twice", kind->name);
    out->amounts[i] = kind->standard;
    if (name == length)
        return TD_OK;
    const char *amount = item + name + 1;
    size_t rest = length - name - 1;
    if (kind->most == 0)
        return td_fail(error, TD_ERR_USAGE, "%s: expected no amount, found \"%.*s\"", kind->name,
                       (int)td_size_min(rest, 64), amount);
    if (!read_amount(kind, amount, rest, &out->amounts[i]))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a %snumber in (%g, %g], found \"%.*s\"",
                       kind->name, kind->whole ? "whole " : "", kind->above, kind->most,
                       (int)td_size_min(rest, 64), amount);
    return TD_OK;
}

/* The scheme prefix of the text; advances past its colon. */
static td_status take_scheme(td_augment *out, const char **text, td_error *error) {
    const size_t length = strcspn(*text, ":,=");
    *out = (td_augment){.scheme = &plain};
    if ((*text)[length] != ':')
        return TD_OK;
    for (size_t i = 1; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i]->name) == length && strncmp(schemes[i]->name, *text, length) == 0) {
            out->scheme = schemes[i];
            *text += length + 1;
            return TD_OK;
        }
    return td_fail(error, TD_ERR_USAGE, "expected keras before the colon, found \"%.*s\"",
                   (int)td_size_min(length, 64), *text);
}

td_status td_augment_parse(td_augment *out, const char *text, td_error *error) {
    TD_TRY(take_scheme(out, &text, error));
    for (;;) {
        size_t length = strcspn(text, ",");
        TD_TRY(parse_one(out, text, length, error));
        if (text[length] == '\0')
            return TD_OK;
        text += length + 1;
    }
}

void td_augment_text(const td_augment *augment, char out[TD_AUGMENT_TEXT]) {
    const td_augment_scheme *scheme = augment->scheme;
    const char *lead = *scheme->name ? ":" : "";
    size_t used = (size_t)snprintf(out, TD_AUGMENT_TEXT, "%s", scheme->name);
    for (size_t i = 0; i < scheme->count; i++) {
        const td_augment_kind *kind = &scheme->kinds[i];
        if (augment->amounts[i] == 0)
            continue;
        used += (size_t)snprintf(out + used, TD_AUGMENT_TEXT - used, "%s%s", lead, kind->name);
        lead = ",";
        if (kind->most > 0)
            used +=
                (size_t)snprintf(out + used, TD_AUGMENT_TEXT - used, "=%.15g", augment->amounts[i]);
    }
}

td_status td_augment_check(const td_augment *augment, const td_images *images, td_error *error) {
    const td_augment_kind *kinds = augment->scheme->kinds;
    size_t side = td_size_min(images->height, images->width);
    for (size_t i = 0; i < augment->scheme->count; i++)
        if (kinds[i].whole && augment->amounts[i] >= (double)side)
            return td_fail(error, TD_ERR_USAGE,
                           "augmentation: %s: expected less than the images' %zu pixels, found %g",
                           kinds[i].name, side, augment->amounts[i]);
    return TD_OK;
}

void td_augment_image(const td_augment_epoch *epoch, const td_images *images, size_t index,
                      float *out) {
    td_random random = td_random_for(epoch->seed, TD_FOR_AUGMENT, epoch->epoch, (uint32_t)index);
    epoch->augment->scheme->paint(epoch->augment, &random, images, index, out);
}
