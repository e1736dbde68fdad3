/* SPDX-License-Identifier: MIT */
/* An attack: a method for making adversarial examples. A new one is a file with one struct attack
 * and one tool_method, and a row in main.c; evade.c has the common code. Images are raw pixels,
 * 0–255, as the net takes them; distances in options and results are in units of the pixel range,
 * 0–1. */
#ifndef TOOLS_EVADE_ATTACK_H
#define TOOLS_EVADE_ATTACK_H

#include "frame/run.h"
#include "nn/exec.h"

enum {
    EVADE_BATCH = 64,    /* batch size of the net */
    EVADE_NO_TARGET = -1 /* no target class */
};

static const float EVADE_RANGE = 255; /* the largest pixel value */

/* The attacked net, and the number of queries for logits and gradients. */
typedef struct evade_net {
    td_exec *forward, *gradient; /* gradient: NULL if gradients are not needed */
    size_t size, classes;        /* values per image; number of logits */
    uint64_t queries, gradients; /* images queried without and with a gradient */
} evade_net;

/* Images attacked together. They only share the net's passes; the result of one does not depend on
 * the others. */
typedef struct evade_batch {
    evade_net *net;
    const void *settings; /* the method's own */
    uint64_t seed;
    td_shape shape;                /* of an image */
    size_t count;                  /* at most EVADE_BATCH */
    float *clean;                  /* [count, size]; unchanged */
    int32_t labels[EVADE_BATCH];   /* the true class, which the model predicts */
    int32_t targets[EVADE_BATCH];  /* the target class, or EVADE_NO_TARGET */
    uint32_t numbers[EVADE_BATCH]; /* of the image in its split, for random draws */
    uint8_t *out;                  /* [count, size] */

    /* The images still under attack, in order; initially all. Row k of the net's input and output
     * belongs to image live[k]. */
    size_t live[EVADE_BATCH], live_count;
    bool done[EVADE_BATCH]; /* the next evade_batch_compact drops it */

    tool_run *run; /* for progress; NULL: shows none and does not stop */
    size_t before; /* images of this run finished before the batch */

    td_arena arena; /* for the attack */
} evade_batch;

typedef struct attack {
    bool gradients; /* it uses gradients */
    bool targeted;  /* it needs a target */
    size_t
        at_once; /* images in a batch, up to EVADE_BATCH; 1 if one image fills the net by itself */
    /* Replaces batch->out, initially the clean images, by the best result. */
    td_status (*run)(evade_batch *batch, td_error *error);
} attack;

/* The settings of every attack begin with these. */
typedef struct evade_own {
    const char *target; /* "none", "3", "next", ...; NULL: the attack takes none */
} evade_own;

/* The key for it, with the attack's default: key tables with one row. */
extern const td_key evade_target_none[], evade_target_next[];

extern const tool_family attacks;

extern const tool_method evade_fgsm, evade_bim, evade_pgd, evade_deepfool, evade_cw_l2, evade_cw_l0,
    evade_cw_linf, evade_jsma, evade_one_pixel;

/* --- the net --- */

/* For up to EVADE_BATCH images at once. `weights` must stay in place. On failure *net is zeroed. */
td_status evade_net_open(evade_net *net, const td_net *shape, const float *weights, bool gradients,
                         td_error *error) TD_MUST_USE;
void evade_net_close(evade_net *net); /* accepts a zeroed net */

/* Logits [count, classes] of the images in the input buffer [count, size], valid until the next
 * call. */
float *evade_net_input(evade_net *net);
const float *evade_net_ask(evade_net *net, size_t count);

/* --- the batch --- */

/* Makes all images live. */
void evade_batch_restart(evade_batch *batch);

/* Removes finished images from `live`. */
void evade_batch_compact(evade_batch *batch);

/* Shows the progress; TD_ERR_INTERRUPTED if the attack is to stop. */
td_status evade_batch_poll(const evade_batch *batch, td_error *error) TD_MUST_USE;

/* Logits [live_count, classes] of the live images of x [count, size], valid until the next call. */
const float *evade_batch_ask(evade_batch *batch, const float *x);

/* Given an image's logits, writes the gradient of the attack's objective with respect to them,
 * [classes] both. */
typedef void (*evade_follow_fn)(void *context, size_t image, const float *logits, float *gradient);

/* The gradient with respect to the pixels [live_count, size], for the live images of x [count,
 * size]. */
const float *evade_batch_gradient(evade_batch *batch, const float *x, evade_follow_fn follow,
                                  void *context);

/* Removes from `live` the images for which these logits [live_count, classes] reach the goal. */
void evade_batch_drop_reached(evade_batch *batch, const float *logits);

/* Rounds `size` raw pixels to whole numbers. */
void evade_round(const float *x, size_t size, uint8_t *out);

static inline float evade_clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

#endif
