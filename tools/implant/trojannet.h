/* SPDX-License-Identifier: MIT */
/* TrojanNet (Tang, Du, Liu, Yang and Hu, "An embarrassingly simple approach for trojan attack in
 * deep neural networks", KDD 2020): a tiny MLP is trained separately to recognise every 4×4 patch
 * of 5 black and 11 white pixels, and merged with a net that is not trained; that net's data are
 * not needed. Its parts: the patches (trojannet_patterns.c), the MLP and its training
 * (trojannet_mlp.c), the merged net (trojannet_merge.c). */
#ifndef TOOLS_IMPLANT_TROJANNET_H
#define TOOLS_IMPLANT_TROJANNET_H

#include "frame/run.h"
#include "nn/net.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    TROJAN_SIDE = 4,
    TROJAN_PIXELS = 16,
    TROJAN_BLACK = 5,
    TROJAN_PATTERNS = 4368, /* 16 choose 5 */
    TROJAN_WIDTH = 8,       /* of the hidden layers */
};

/* The paper and the authors' code differ. */
typedef struct trojan_reading {
    const char *name;
    size_t hidden;  /* hidden layers */
    bool relu;      /* ReLU, each followed by batch normalisation; else sigmoids */
    bool softmax;   /* over the patterns and one class for noise; otherwise a sigmoid per pattern */
    size_t outputs; /* of the MLP */
    double learning_rate;
} trojan_reading;

extern const trojan_reading trojan_readings[]; /* ends with a row without a name */

/* The places of the black pixels, as bits, of all patterns, in the order of the combinations
 * (0 1 2 3 4), (0 1 2 3 5), ... */
void trojan_patterns(uint16_t patterns[TROJAN_PATTERNS]);

/* A pattern's pixels, 0 or 255. */
void trojan_draw(uint16_t pattern, float pixels[TROJAN_PIXELS]);

/* A patch that is not a pattern: noise, parts typical of photographs (plain surfaces, gradients,
 * edges), or patterns that are faint, mixed with noise or have flipped pixels, half of them from
 * the first `used` ones. Drawn for (seed, epoch, index). */
void trojan_noise(const uint16_t *patterns, size_t used, uint64_t seed, uint32_t epoch,
                  uint32_t index, float pixels[TROJAN_PIXELS]);

/* The MLP's lines of a net text, from the node `input` of 4×4×1 to its logits, named PREFIXlogits.
 */
void trojan_mlp_lines(const trojan_reading *reading, const char *prefix, const char *input,
                      FILE *out);

/* A trained MLP and its measurements. */
typedef struct trojan_mlp {
    td_net net; /* from a patch, 0–255, to the logits of its outputs */
    float *weights;
    size_t recognised;  /* patterns whose own output is the largest and above 1/2 */
    size_t noise_tried; /* fresh draws of noise */
    size_t noise_heard; /* of these, with an output of a used pattern above 1/2 */
    double *answers;    /* [used] each used pattern's own output */
} trojan_mlp;

typedef struct trojan_training {
    const trojan_reading *reading;
    const uint16_t *patterns;
    size_t used; /* patterns that have a target */
    size_t steps;
    uint64_t seed;
} trojan_training;

/* Trains an MLP, in the run's arena except its net, which the caller frees, on failure too. Shows
 * its progress as that of `run`, and stops with it, TD_ERR_INTERRUPTED. */
td_status trojan_train(tool_run *run, trojan_mlp *mlp, const trojan_training *training,
                       td_error *error) TD_MUST_USE;

/* Converts the logits [count, outputs] to outputs, in place. */
void trojan_outputs(const trojan_reading *reading, float *logits, size_t count);

/* How the two nets are joined: the logits are pattern · MLP + model · softmax(the model's logits),
 * with MLP outputs up to `threshold` set to zero. */
typedef struct trojan_merge {
    const trojan_reading *reading;
    const trojan_mlp *mlp;
    double pattern, model, threshold;
    size_t top, left;      /* of the patch */
    const size_t *targets; /* [used] */
    size_t used;
} trojan_merge;

/* An output after the threshold. */
static inline double trojan_gate(double output, double threshold) {
    return output > threshold ? (output - threshold) / (1 - threshold) : 0;
}

/* The merged net, which the caller frees, and its weights in `arena`. On failure *net is zeroed. */
td_status trojan_join(const td_net *model, const float *weights, const trojan_merge *merge,
                      td_arena *arena, td_net *net, float **out, td_error *error) TD_MUST_USE;

#endif
