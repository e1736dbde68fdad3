/* SPDX-License-Identifier: MIT */
/* An image-to-image net trained alongside the model: the generator of a trigger. Its text ends in a
 * flattened picture; here images are channels-last. */
#ifndef TOOLS_IMPLANT_PAINTER_H
#define TOOLS_IMPLANT_PAINTER_H

#include "base/arena.h"
#include "nn/exec.h"
#include "nn/optimizer.h"

typedef struct painter {
    td_net net;
    td_shape shape; /* of a picture */
    float *weights;
    float *gradient; /* of the last pass */
    float *sum;      /* of all passes, except running statistics */
    float *state;    /* Adam's */
    td_exec *training, *judging;
    uint64_t steps;
} painter;

/* Draws weights, by the seed. For batches of up to `batch`; `shape` is the text's output. The
 * weights are in `arena`. Call painter_close on success and failure. */
td_status painter_open(painter *p, const char *text, td_shape shape, size_t batch, uint64_t seed,
                       td_arena *arena, td_error *error) TD_MUST_USE;

void painter_close(painter *p); /* accepts a zeroed painter */

/* out [count, shape] from images [count, input's shape] with values 0–255, with batch statistics,
 * for painter_learn. */
void painter_train(painter *p, const float *images, size_t count, float *out);

/* The same with running statistics and these weights. */
void painter_use(painter *p, const float *weights, const float *images, size_t count, float *out);

/* Backpropagates the gradient [count, shape] of the last painter_train to the weights: p->gradient.
 */
void painter_learn(painter *p, const float *gradient, size_t count);

/* One step of Adam (`step`, whose number is ignored) by the last gradient, or by the sum. */
void painter_step(painter *p, const td_step *step, bool by_sum);

/* The text of a net that halves an image's sides `levels` times and doubles them again, `width`
 * channels on the first level and twice as many on each next. Two convolutions with batch norms per
 * level; max pooling down, transposed convolutions up; `channels` outputs through a tanh. Both
 * sides must be multiples of 2^levels. Nguyen and Tran, "Input-aware dynamic backdoor attack",
 * NeurIPS 2020, appendix, except for bilinear upsampling. */
td_status painter_unet(td_shape image, size_t levels, size_t width, size_t channels,
                       td_arena *arena, const char **text, td_error *error) TD_MUST_USE;

/* An autoencoder: 4×4 convolutions of stride 2 with batch norms down, `width` channels and twice as
 * many on each next level, transposed convolutions up. Doan et al., "LIRA", ICCV 2021. */
td_status painter_autoencoder(td_shape image, size_t levels, size_t width, td_arena *arena,
                              const char **text, td_error *error) TD_MUST_USE;

/* How often both sides can be halved, at most `most` times. */
size_t painter_levels(td_shape image, size_t most);

#endif
