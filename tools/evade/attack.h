/* SPDX-License-Identifier: MIT */
/* An attack: a way of making adversarial examples. A new one is a file with one struct attack and
 * one tool_method, and a row in main.c; evade.c does what all have in common. Images are raw
 * pixels, 0–255, as the net takes them; distances that a user gives or reads are in units of the
 * pixel range, 0–1. */
#ifndef TOOLS_EVADE_ATTACK_H
#define TOOLS_EVADE_ATTACK_H

#include "frame/run.h"
#include "nn/exec.h"

enum {
    EVADE_BATCH = 64,    /* images that the net is asked about at once */
    EVADE_NO_TARGET = -1 /* an image without a wanted class */
};

static const float EVADE_RANGE = 255; /* a pixel's largest value */

/* The attacked net, asked for logits and gradients, and how often it was. */
typedef struct evade_net {
    td_exec *forward, *gradient; /* gradient: NULL without gradients */
    size_t size, classes;        /* values of an image; logits */
    uint64_t queries, gradients; /* images asked about without and with a gradient */
} evade_net;

/* Images that are attacked together. What becomes of one does not depend on the others: they only
 * share the net's passes. */
typedef struct evade_batch {
    evade_net *net;
    const void *settings; /* the method's own */
    uint64_t seed;
    td_shape shape;                /* of an image */
    size_t count;                  /* at most EVADE_BATCH */
    float *clean;                  /* [count, size]; stays as it is */
    int32_t labels[EVADE_BATCH];   /* the true class, which the model gives */
    int32_t targets[EVADE_BATCH];  /* the wanted class, or EVADE_NO_TARGET */
    uint32_t numbers[EVADE_BATCH]; /* of the image in its split, for random draws */
    uint8_t *out;                  /* [count, size] */

    /* The images that the attack still works on, in order; all of them at first. Row k of what the
     * net is given and gives belongs to image live[k]. */
    size_t live[EVADE_BATCH], live_count;
    bool done[EVADE_BATCH]; /* to be left out by the next evade_batch_compact */

    tool_run *run; /* for progress; NULL: shows none and does not stop */
    size_t before; /* images of this run that were finished before the batch */

    td_arena arena; /* for the attack */
} evade_batch;

typedef struct attack {
    bool gradients; /* whether it asks for any */
    bool targeted;  /* whether it needs a target */
    size_t at_once; /* images in a batch, up to EVADE_BATCH; 1 where one fills the net alone */
    /* Changes batch->out, which holds the clean images at first, to the best that it finds. */
    td_status (*run)(evade_batch *batch, td_error *error);
} attack;

/* The settings of every attack begin with these. */
typedef struct evade_own {
    const char *target; /* "none", "3", "next", ...; NULL: the attack takes none */
} evade_own;

/* The key for it, with the attack's default: tables of keys with one row. */
extern const td_key evade_target_none[], evade_target_next[];

extern const tool_family attacks;

extern const tool_method evade_fgsm, evade_bim, evade_pgd, evade_deepfool, evade_cw_l2, evade_cw_l0,
    evade_cw_linf, evade_jsma, evade_one_pixel;

/* --- the net --- */

/* For up to EVADE_BATCH images at once. `weights` must stay in place. On failure *net is zeroed. */
td_status evade_net_open(evade_net *net, const td_net *shape, const float *weights, bool gradients,
                         td_error *error) TD_MUST_USE;
void evade_net_close(evade_net *net); /* takes a zeroed net as well */

/* Logits [count, classes] of the images that the caller put into the input [count, size], valid
 * until the next call. */
float *evade_net_input(evade_net *net);
const float *evade_net_ask(evade_net *net, size_t count);

/* --- the batch --- */

/* All images are live. */
void evade_batch_restart(evade_batch *batch);

/* Leaves out of `live` what is done. */
void evade_batch_compact(evade_batch *batch);

/* Shows the progress; TD_ERR_INTERRUPTED if the attack is to stop. */
td_status evade_batch_poll(const evade_batch *batch, td_error *error) TD_MUST_USE;

/* Logits [live_count, classes] of the live images of x [count, size], valid until the next call. */
const float *evade_batch_ask(evade_batch *batch, const float *x);

/* Given an image's logits, sets the gradient by them, [classes] both, of what the attack follows.
 */
typedef void (*evade_follow_fn)(void *context, size_t image, const float *logits, float *gradient);

/* The gradient by the pixels [live_count, size], for the live images of x [count, size]. */
const float *evade_batch_gradient(evade_batch *batch, const float *x, evade_follow_fn follow,
                                  void *context);

/* Leaves out of `live` what by these logits [live_count, classes] is as wanted. */
void evade_batch_drop_reached(evade_batch *batch, const float *logits);

/* `size` raw pixels as whole numbers. */
void evade_round(const float *x, size_t size, uint8_t *out);

static inline float evade_clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

#endif
