/* SPDX-License-Identifier: MIT */
/* Triggers: the marks that activate a backdoor. A trigger is a family with its keys, written
 * FAMILY[:key=value,...]. It is applied to raw pixels in float; the result is clipped to 0–255 and
 * rounded to the nearest whole value, halves up, as a camera would. A new family is one file and
 * one row of the table in part.c.
 *
 * Triggers can be joined: A+B is A, then B on its result. A|B gives each image one of them, drawn
 * by td_random_for(seed, TD_FOR_TRIGGER, 2, index), or by turns (td_trigger_apply_turn): Adap-Patch
 * and Adap-K-way train on such parts, and their test trigger is A+B. A '+' or '|' joins only if a
 * family's name follows.
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
 *   dct                         magnitude (20), positions (15+15/31+31), block, space (ycrcb),
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
 * shape has min(1, (d − 1/2) / soft) of the full opacity.
 *
 * Signals (signal.c): Barni, Kallas, Tondi, "A new backdoor attack in CNNs by training set
 * corruption without label poisoning", ICIP 2019, section III. The same value is added to all rows
 * and channels of column j = 1 … m. ramp: jΔ/m. triangle-wave: jΔ/m up to m/2, then (m − j)Δ/m.
 * sine: Δ·sin(2πjf/m). delta may be negative; freq is above 0.
 *
 * Blends (blend.c): Chen et al., "Targeted backdoor attacks on deep learning systems using data
 * poisoning", 2017, the blended injection: (1 − alpha)·image + alpha·picture. A picture of another
 * size is resized, a colour picture is made grey for grey images, and its own alpha is not used.
 * noise is uniform in 0–255 for every pixel and channel; the checkerboard's top-left cell is white.
 *
 * Reflections (reflection.c, reflection_layers.h): Liu, Ma, Bailey, Lu, "Reflection backdoor", ECCV
 * 2020. A picture, one of a folder, or an image of a class of the data is mirrored in the image.
 * Parameters that are not given are drawn for each image: alpha, the reflection's weight, in [.05,
 * .45]; shift (S or X+Y) of ghost, 3 to 8 pixels each way; balance, of ghost, the weight of its
 * first copy, in [.15, .85]; sigma of blur in [1, 5], in pixels. gamma linearises. If anything is
 * drawn, up to `tries` draws are made until the reflection is visible but not dominant: with R the
 * reflection as seen and out the result, mean R ≤ .8·mean(out − R), max R ≥ 25.5 and .7 <
 * SSIM(image, out) < .85. If no draw meets these limits, the one that misses them by least is used.
 *
 * Grids (blend.c): Qi et al., "Revisiting the assumption of latent separability for backdoor
 * defenses", ICLR 2023, Adap-Blend: a blend without `off` of the cells × cells, drawn for each
 * image; their test trigger has off=0.
 *
 * Warps (warp.h): Nguyen, Tran, "WaNet", ICLR 2021. With the field N, grid × grid numbers from
 * U[−1, 1] divided by the mean of their absolute values and enlarged by cubic convolution, the
 * pixel at (x, y) in [−1, 1] is sampled bilinearly from clip((x, y) + shift·N/side). jitter adds
 * U[−1, 1]·jitter/side to that, drawn for each pixel of each image, and clips again.
 *
 * Levels (quantise.c): Wang, Zhai, Ma, "BppAttack", CVPR 2022: round(v/255·(d − 1))·255/(d − 1).
 * other=1 adds the change of another bound image, drawn for each image.
 *
 * Frequencies (dct.c): Wang et al., "FTrojan", ECCV 2022, and Li et al., "CTRL", ICCV 2023: the
 * magnitude added to coefficients of the orthonormal DCT-II of each whole block.
 *
 * Clouds (smooth.c): Zeng et al., "Rethinking the backdoor attacks' triggers", ICCV 2021. Rotations
 * (rotate.c): Xu et al., "BATT", ICASSP 2023. Arrays made elsewhere (array.c): `add` takes one
 * perturbation, in pixel values, `table` a changed copy of each image of the split.
 *
 * Picture files are PNG, JPEG, PPM or PGM. A trigger's strength is the key that its family names:
 * delta of a signal, alpha of a mixed-in picture, shift of a warp, magnitude, peak, angle, scale.
 */
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

/* Identifies the stamped image, for per-image draws: td_random_for(seed, TD_FOR_TRIGGER, 0, index).
 * Triggers that draw nothing ignore it. */
typedef struct td_stamp {
    uint64_t seed;
    size_t index; /* index of the image within its whole split */
} td_stamp;

/* The names of the families, in the table's order; NULL from their count on. */
const char *td_trigger_family_name(size_t number);

/* The family's description, one sentence without a full stop, and its keys, which end at a row
 * without a name; NULL as above. */
const char *td_trigger_family_doc(size_t number);
const td_key *td_trigger_family_keys(size_t number);

/* Parses TRIGGER; TD_ERR_USAGE names the wrong key and the allowed values. Reads the files and
 * lists the folders that it names. On success the caller owns *out. */
td_status td_trigger_parse(td_trigger **out, const char *text, td_error *error) TD_MUST_USE;

void td_trigger_free(td_trigger *trigger);

/* The canonical text: the keys with their values, in the family's order. Omits alpha and soft of
 * patches and keys of only some sources or types at their defaults, and keys that are drawn. Owned
 * by the trigger. */
const char *td_trigger_text(const td_trigger *trigger);

/* The canonical text of one of A|B; NULL from their count on, and for any other trigger. Owned by
 * the trigger. */
const char *td_trigger_choice(const td_trigger *trigger, size_t number);

/* The files that the trigger reads; NULL from `file_count` on. Those of a folder are in name order.
 * Owned by the trigger. */
const char *td_trigger_file(const td_trigger *trigger, size_t number);

/* The stamp that the file had before it was read. */
const td_file_stamp *td_trigger_file_stamp(const td_trigger *trigger, size_t number);

/* Whether it has a strength to sweep over; a trigger of several parts has none. */
bool td_trigger_has_strength(const td_trigger *trigger);

/* The strength, and the canonical text without it, "sine:freq=6", cut to `size`. false for a
 * trigger without a strength, or one that draws it for each image. */
bool td_trigger_strength(const td_trigger *trigger, double *strength, char *rest, size_t size);

/* The same trigger with another strength, parsed again and not bound; the caller owns *out.
 * TD_ERR_USAGE if the strength is out of the key's range. */
td_status td_trigger_with_strength(td_trigger **out, const td_trigger *trigger, double strength,
                                   td_error *error) TD_MUST_USE;

/* The classes by which td_trigger_bind resolves a class in the trigger's text; they must live until
 * then. Without them the text must be an index. */
void td_trigger_set_classes(td_trigger *trigger, const td_classes *classes);

/* Prepares the trigger for images of this shape. Call it before applying the trigger; it may be
 * called again for other images. A reflection of a class and a quantise with other=1 take pictures
 * from `images`, which must then live as long as the trigger is used; otherwise `images` may be
 * empty (count 0). `first` is the index of the first image within its whole split. TD_ERR_USAGE if
 * a patch is not wholly inside the images, if it has colours and they are grey, if the class has no
 * image, or if a table does not belong to these images. */
td_status td_trigger_bind(td_trigger *trigger, const td_images *images, size_t first,
                          td_error *error) TD_MUST_USE;

/* For a bound trigger: a sentence about a surprising effect (a picture was resized, columns
 * saturate), or NULL. Owned by the trigger. */
const char *td_trigger_note(const td_trigger *trigger);

/* Bytes of scratch memory for stamping an image, for a bound trigger; a multiple of 64. */
size_t td_trigger_scratch(const td_trigger *trigger);

/* Stamps one image [height, width, channels] of the bound shape, in place. `scratch` is aligned to
 * 64 bytes, one per thread. */
void td_trigger_apply(const td_trigger *trigger, td_stamp stamp, uint8_t *pixels, void *scratch);

/* The same, but A|B takes its part number `turn`, modulo their count: equal shares over images that
 * are taken in turn. */
void td_trigger_apply_turn(const td_trigger *trigger, size_t turn, td_stamp stamp, uint8_t *pixels,
                           void *scratch);

/* Stamped copies of all images, allocated in `arena`; they share the labels of `images`, whose
 * shape the trigger must be bound to (else TD_ERR_USAGE). `first` is the stamp of the first image;
 * the others follow it. TD_ERR_MEMORY. */
td_status td_trigger_stamp(const td_trigger *trigger, const td_images *images, td_stamp first,
                           td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

/* The row and column of the top-left pixel of a patch. TD_ERR_USAGE unless all of it lies within
 * the image. */
td_status td_position_resolve(const td_position *position, size_t patch_height, size_t patch_width,
                              td_shape shape, size_t *top, size_t *left,
                              td_error *error) TD_MUST_USE;

#endif
