/* Images that are attacked together. What becomes of one does not depend on the others: they only
 * share the net's passes. */
#ifndef TOOLS_EVADE_BATCH_H
#define TOOLS_EVADE_BATCH_H

#include "base/arena.h"
#include "evade/net.h"
#include "evade/settings.h"

/* An image without a wanted class. */
enum { EVADE_NO_TARGET = -1 };

typedef struct evade_batch {
    evade_net *net;
    const double *settings; /* [EVADE_SETTINGS] */
    uint64_t seed;
    td_shape shape;          /* of an image */
    size_t count;            /* at most EVADE_BATCH */
    const float *clean;      /* [count, size] */
    const int32_t *labels;   /* [count]: the true class, which the model gives */
    const int32_t *targets;  /* [count]: the wanted class, or EVADE_NO_TARGET */
    const uint32_t *numbers; /* [count]: of the image in its split, for random draws */
    uint8_t *out;            /* [count, size] */

    /* The images that the method still works on, in order; all of them at first. Row k of what the
     * net is given and gives belongs to image live[k]. */
    size_t live[EVADE_BATCH], live_count;
    bool done[EVADE_BATCH]; /* to be left out by the next evade_batch_compact */

    /* Called by evade_batch_poll with the images that are finished; false stops. NULL for none. */
    bool (*watch)(void *context, size_t finished);
    void *context;

    td_arena arena; /* for the method */
} evade_batch;

/* All images are live. */
void evade_batch_restart(evade_batch *batch);

/* Leaves out of `live` what is done. */
void evade_batch_compact(evade_batch *batch);

/* Tells of progress; TD_ERR_INTERRUPTED if the user wants to stop. */
td_status evade_batch_poll(const evade_batch *batch, td_error *error) TD_MUST_USE;

/* Copies the live images of x [count, size] to the net's input [live_count, size]. */
void evade_batch_feed(const evade_batch *batch, const float *x, float *input);

/* Whether an image with these logits is what was wanted. */
bool evade_batch_reached(const evade_batch *batch, size_t image, const float *logits);

/* `size` raw pixels as whole numbers. */
void evade_round(const float *x, size_t size, uint8_t *out);

static inline float evade_clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

static const float EVADE_RANGE = 255; /* a pixel's largest value */

#endif
