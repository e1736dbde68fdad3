/* SPDX-License-Identifier: MIT */
/* Augmentation: a random change to every image, redrawn in each epoch. Written as
 * [SCHEME:]KIND[=AMOUNT][,KIND...]. A new kind is a function and a row in augment.c; a new scheme
 * is a file with its kinds and their composition.
 *
 * Kinds are applied in the order of the scheme's table, not as written. Their maps are composed
 * first and the image is sampled once, bilinearly, so it is blurred at most once. */
#ifndef TD_DATA_AUGMENT_H
#define TD_DATA_AUGMENT_H

#include "base/error.h"
#include "base/random.h"
#include "data/affine.h"
#include "data/images.h"
#include <stdbool.h>

enum { TD_AUGMENT_KINDS = 5, TD_AUGMENT_MOST = 6, TD_AUGMENT_TEXT = 256 };

typedef struct td_augment_kind {
    const char *name;
    double above, most; /* the amount is in (above, most]; most 0: the kind has none */
    bool whole;         /* the amount is a whole number of pixels, less than the images' sides */
    double standard;    /* the default amount */
    td_affine (*draw)(td_random *random, double amount); /* of the plain scheme */
} td_augment_kind;

typedef struct td_augment td_augment;

/* A way to compose kinds. `paint` writes the augmented `image` to `out`, both [height, width,
 * channels]; only requested kinds draw random numbers. */
typedef struct td_augment_scheme {
    const char *name; /* "keras"; "": the plain one, which has no prefix */
    const td_augment_kind *kinds;
    size_t count; /* at most TD_AUGMENT_MOST */
    void (*paint)(const td_augment *augment, td_random *random, const td_images *images,
                  size_t index, float *out);
} td_augment_scheme;

/* The plain scheme: zoom, rotate, shift, crop and mirror; black (0) outside.
 * zoom=F: enlarges by a factor from 1 − F to 1 + F (0.1).
 * rotate=DEGREES: about the centre by up to DEGREES either way (15).
 * shift=P: by up to P whole pixels either way, across and down (2).
 * crop=P: adds a border of P black pixels and cuts out a window of the old size at a random
 *         place (4; He et al. 2016). It equals a shift with its own draw.
 * flip: mirrors left and right, for half of the images. */
extern const td_augment_kind td_augment_kinds[TD_AUGMENT_KINDS];

/* "keras:", the composition of Keras's ImageDataGenerator: rotate=DEGREES and shear=DEGREES either
 * way (8, 0.3), shift=S and zoom=S of a share of the sides (0.08 each), down and across by their
 * own draws and by fractions of a pixel; flip; the nearest pixel of the border outside, or with
 * black 0. See augment_keras.c for the order. */
extern const td_augment_scheme td_augment_keras;

struct td_augment {
    const td_augment_scheme *scheme;
    double amounts[TD_AUGMENT_MOST]; /* 0: not requested; kinds without an amount: 1 */
};

/* TD_ERR_USAGE for an unknown scheme, an unknown or repeated kind, or an amount out of range. */
td_status td_augment_parse(td_augment *out, const char *text, td_error *error) TD_MUST_USE;

/* The canonical text for td_augment_parse: kinds in table order, amounts explicit. */
void td_augment_text(const td_augment *augment, char out[TD_AUGMENT_TEXT]);

/* TD_ERR_USAGE if an amount in pixels is not less than the images' sides. */
td_status td_augment_check(const td_augment *augment, const td_images *images,
                           td_error *error) TD_MUST_USE;

/* The inputs of an epoch's draws, besides the image's number. */
typedef struct td_augment_epoch {
    const td_augment *augment;
    uint64_t seed;
    uint32_t epoch;
} td_augment_epoch;

/* Writes the augmented image `index` to `out` [height, width, channels] (0–255). Only requested
 * kinds draw random numbers, in table order. */
void td_augment_image(const td_augment_epoch *epoch, const td_images *images, size_t index,
                      float *out);

#endif
