/* SPDX-License-Identifier: MIT */
/* Triggers: what marks an image for a backdoored model. A trigger is a family with its keys,
 * written FAMILY[:key=value,...]; it is applied to raw pixels in float, then clipped to 0–255 and
 * rounded to the nearest whole value, halves up, as a camera would. Adding a family is one file and
 * one row in the table in part.c.
 *
 * Several are joined: A+B is A, then B on its result; of A|B each image gets one, drawn for it by
 * td_random_for(seed, TD_FOR_TRIGGER, 2, index): the parts that Adap-Patch and Adap-K-way train on,
 * whose test trigger is A+B. A '+' or '|' joins where a family's name follows.
 *
 *   square, triangle, rhombus   size (7), at (top-left), value (255), alpha (1), soft (0)
 *   pixel                       at (top-left), value (255), alpha (1)
 *   image                       file (its own alpha respected), at (top-left), alpha (1)
 *   ramp, triangle-wave         delta (30)
 *   sine                        delta (20), freq (6)
 *   blend                       file, or pattern: noise (seed 1) or checkerboard (cell 1);
 *                               alpha (0.2)
 *   reflection                  file, folder or class; type (ghost): focus, blur or ghost; alpha,
 *                               shift, balance, sigma; gamma (2.2), tries (10)
 *   grid-blend                  as blend; cells (4), off (8)
 *   warp                        shift (0.5), grid (4), seed (1), jitter (0)
 *   quantise                    levels (8), dither (0), other (0)
 *   dct                         magnitude (30), positions (15+15/31+31), block, space (ycrcb),
 *                               channels (chroma), rounding (clip)
 *   smooth                      peak (51), sigma (6), seed (1)
 *   rotate                      angle (16)
 *   add                         file (.npy), scale (1)
 *   table                       file (.npy)
 *
 * Patches (patch.c, image.c). at: top-left, top-right, bottom-left, bottom-right, center (rounded
 * towards the top left) or X+Y, the column and the row of the patch's top-left pixel. value: V, or
 * R/G/B, in 0–255; V on RGB images means all three. The triangle is isosceles with its apex at the
 * top, the rhombus the ball |dx| + |dy|; both fill their size × size box. alpha is the patch's
 * opacity, in (0, 1]. soft is the width in pixels over which the opacity rises linearly from the
 * shape's edge inwards: a pixel d steps (up, down, left or right) from the nearest one outside the
 * shape has min(1, (d − 1/2) / soft) of it.
 *
 * Signals (signal.c): Barni, Kallas, Tondi, "A new backdoor attack in CNNs by training set
 * corruption without label poisoning", ICIP 2019, section III. The same value is added to all rows
 * and channels of column j = 1 … m. ramp: jΔ/m. triangle-wave: jΔ/m up to m/2, then (m − j)Δ/m.
 * sine: Δ·sin(2πjf/m). delta may be negative; freq is above 0.
 *
 * Blends (blend.c): Chen et al., "Targeted backdoor attacks on deep learning systems using data
 * poisoning", 2017, the blended injection: (1 − alpha)·image + alpha·picture. A picture of another
 * size is resized, one in colour made grey for grey images; its own alpha is not used. noise is
 * uniform in 0–255 for every pixel and channel; the checkerboard's top-left cell is white.
 *
 * Reflections (reflection.c, reflection_layers.h): Liu, Ma, Bailey, Lu, "Reflection backdoor",
 * ECCV 2020. A picture, one of a folder, or an image of a class of the data is mirrored in the
 * image. What is not given is drawn for each image: alpha, the reflection's weight, in [.05, .45];
 * shift (S or X+Y) of ghost, 3 to 8 pixels each way; balance, of ghost, the weight of its first
 * copy, in [.15, .85]; sigma of blur in [1, 5], in pixels. gamma linearises. If anything is drawn
 * there are up to `tries` draws, until one can be seen but not too well: with R the reflection as
 * seen and out the result, mean R ≤ .8·mean(out − R), max R ≥ 25.5 and .7 < SSIM(image, out) < .85;
 * if none is, the one that misses these by least is taken.
 *
 * Grids (blend.c): Qi et al., "Revisiting the assumption of latent separability for backdoor
 * defenses", ICLR 2023, Adap-Blend: a blend without `off` of the cells × cells, drawn for each
 * image; their test trigger has off=0.
 *
 * Warps (warp.h): Nguyen, Tran, "WaNet", ICLR 2021. With the field N, grid × grid numbers from
 * U[−1, 1] over the mean of their absolute values, enlarged by cubic convolution, a pixel at (x, y)
 * in [−1, 1] is taken, bilinearly, from clip((x, y) + shift·N/side). jitter adds U[−1, 1]·jitter/
 * side, drawn for each pixel of each image.
 *
 * Levels (quantise.c): Wang, Zhai, Ma, "BppAttack", CVPR 2022: round(v/255·(d − 1))·255/(d − 1).
 * other=1 adds what that changes in another of the images bound to, drawn for each.
 *
 * Frequencies (dct.c): Wang et al., "FTrojan", ECCV 2022, and Li et al., "CTRL", ICCV 2023: the
 * magnitude added to coefficients of the orthonormal DCT-II of each whole block.
 *
 * Clouds (smooth.c): Zeng et al., "Rethinking the backdoor attacks' triggers", ICCV 2021. Rotations
 * (rotate.c): Xu et al., "BATT", ICASSP 2023. Arrays made elsewhere (array.c): `add` takes one
 * perturbation, in pixel values, `table` a changed copy of each image of the split.
 *
 * Picture files are PNG, JPEG, PPM or PGM. A trigger's strength is the key that its family names:
 * delta of a signal, alpha of what is mixed in, shift of a warp, magnitude, peak, angle, scale. */
#ifndef TD_TRIGGER_TRIGGER_H
#define TD_TRIGGER_TRIGGER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/key.h"
#include "base/shape.h"
#include "data/classes.h"
#include "data/images.h"
#include <stdbool.h>

enum { TD_TRIGGER_PARTS = 16 }; /* most parts of a trigger */

typedef struct td_trigger td_trigger;

/* Which image is stamped, for what a trigger draws for each: td_random_for(seed, TD_FOR_TRIGGER, 0,
 * index). Triggers that draw nothing ignore it. */
typedef struct td_stamp {
    uint64_t seed;
    size_t index; /* of the image within its whole split */
} td_stamp;

/* The names of the families, in the table's order; NULL from their count on. */
const char *td_trigger_family_name(size_t number);

/* What the family does, one sentence without a stop, and its keys, which end at a row without a
 * name; NULL as above. */
const char *td_trigger_family_doc(size_t number);
const td_key *td_trigger_family_keys(size_t number);

/* Parses TRIGGER; TD_ERR_USAGE names the key that is wrong and what is allowed. A file it names is
 * read here, a folder listed. On success the caller owns *out. */
td_status td_trigger_parse(td_trigger **out, const char *text, td_error *error) TD_MUST_USE;

void td_trigger_free(td_trigger *trigger);

/* The canonical text: the keys with their values, in the family's order. alpha and soft of patches,
 * and what only some sources or types have, are left out at their defaults, and so is what is
 * drawn. Owned by the trigger. */
const char *td_trigger_text(const td_trigger *trigger);

/* The files that the trigger reads, or NULL from `file_count` on: those of a folder are in the
 * order of their names. Owned by the trigger. */
const char *td_trigger_file(const td_trigger *trigger, size_t number);

/* The stamp that the file had before it was read. */
const td_file_stamp *td_trigger_file_stamp(const td_trigger *trigger, size_t number);

/* Whether it has a strength to sweep over; several parts have none. */
bool td_trigger_has_strength(const td_trigger *trigger);

/* The strength, and the canonical text without it, "sine:freq=6", as far as `size` has room. false
 * for a trigger that has none, or draws it for each image. */
bool td_trigger_strength(const td_trigger *trigger, double *strength, char *rest, size_t size);

/* The same trigger with another strength, read anew and not bound; the caller owns *out.
 * TD_ERR_USAGE if the strength is not in the key's range. */
td_status td_trigger_with_strength(td_trigger **out, const td_trigger *trigger, double strength,
                                   td_error *error) TD_MUST_USE;

/* The classes that a class in the trigger's text is one of, by name or index, when it is bound;
 * they must live until then. Without, it is an index. */
void td_trigger_set_classes(td_trigger *trigger, const td_classes *classes);

/* Makes the trigger ready for images of this shape; must be called before it is applied, and may be
 * called again, for others. A reflection of a class and a quantise of another image take pictures
 * from `images`, which must then live as long as the trigger is used; else `images` may be without
 * any (count 0). `first` is the index of the first of the images within its whole split.
 * TD_ERR_USAGE if a patch does not lie wholly inside the images, if it has colours and they are
 * grey, if the class has no image, or if a table is not one of these images. */
td_status td_trigger_bind(td_trigger *trigger, const td_images *images, size_t first,
                          td_error *error) TD_MUST_USE;

/* Of a bound trigger: one sentence on what the user may not expect (a picture was resized, columns
 * are saturated), or NULL. Owned by the trigger. */
const char *td_trigger_note(const td_trigger *trigger);

/* Bytes of scratch memory that stamping an image takes, for a bound trigger; a multiple of 64. */
size_t td_trigger_scratch(const td_trigger *trigger);

/* Stamps one image [height, width, channels] of the shape bound to, in place. `scratch` is aligned
 * to 64 bytes, one per thread. */
void td_trigger_apply(const td_trigger *trigger, td_stamp stamp, uint8_t *pixels, void *scratch);

/* Stamped copies of all images, allocated in `arena`; the labels are shared with `images`, whose
 * shape the trigger is bound to (else TD_ERR_USAGE). `first` is the stamp of the first image; the
 * others follow it. TD_ERR_MEMORY. */
td_status td_trigger_stamp(const td_trigger *trigger, const td_images *images, td_stamp first,
                           td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

/* The row and column of the top-left pixel of a patch. TD_ERR_USAGE unless all of it lies within
 * the image. */
td_status td_position_resolve(const td_position *position, size_t patch_height, size_t patch_width,
                              td_shape shape, size_t *top, size_t *left,
                              td_error *error) TD_MUST_USE;

#endif
