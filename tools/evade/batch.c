#include "evade/batch.h"

#include "base/parallel.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

void evade_batch_restart(evade_batch *batch) {
    batch->live_count = batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        batch->live[i] = i;
        batch->done[i] = false;
    }
}

void evade_batch_compact(evade_batch *batch) {
    size_t kept = 0;
    for (size_t k = 0; k < batch->live_count; k++)
        if (!batch->done[batch->live[k]])
            batch->live[kept++] = batch->live[k];
    batch->live_count = kept;
}

td_status evade_batch_poll(const evade_batch *batch, td_error *error) {
    if (!batch->watch || batch->watch(batch->context, batch->count - batch->live_count))
        return TD_OK;
    return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
}

typedef struct feed {
    const evade_batch *batch;
    const float *x;
    float *input;
} feed;

static void feed_one(void *context, size_t k) {
    const feed *f = context;
    const size_t size = f->batch->net->size;
    memcpy(f->input + k * size, f->x + f->batch->live[k] * size, size * sizeof *f->input);
}

void evade_batch_feed(const evade_batch *batch, const float *x, float *input) {
    feed f = {batch, x, input};
    td_parallel_each(batch->live_count, feed_one, &f);
}

bool evade_batch_reached(const evade_batch *batch, size_t image, const float *logits) {
    int32_t predicted = td_argmax(logits, batch->net->classes), target = batch->targets[image];
    return target == EVADE_NO_TARGET ? predicted != batch->labels[image] : predicted == target;
}

void evade_round(const float *x, size_t size, uint8_t *out) {
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)evade_clip(rintf(x[i]), 0, EVADE_RANGE);
}
