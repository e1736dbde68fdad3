/* SPDX-License-Identifier: MIT */
#include "nn/predict.h"

#include "base/size.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include <string.h>

/* Enough chunks (exec.h) for many threads, but no more than 16 MiB of large images. */
static size_t batch_of(const td_images *images) {
    enum { LEAST = 128, MOST = 1024, FLOATS = 4 << 20 };
    return td_size_min(MOST, td_size_max(LEAST, FLOATS / td_image_size(images)));
}

td_status td_predict(const td_net *net, const float *weights, const td_images *images,
                     td_predict_watch watch, td_arena *arena, float **logits, td_error *error) {
    const size_t classes = td_net_classes(net), most = batch_of(images);
    td_exec *exec;
    TD_TRY(td_feed_check(net, images, error));
    TD_TRY(td_arena_alloc(arena, images->count, classes * sizeof **logits, (void **)logits,
                          "predictions", error));
    TD_TRY(td_exec_new(&exec, net, most, TD_FORWARD, error));
    td_exec_weights(exec, weights);
    td_status status = TD_OK;
    for (size_t first = 0; status == TD_OK && first < images->count; first += most) {
        size_t batch = td_size_min(most, images->count - first);
        td_feed(images, NULL, first, batch, td_exec_input(exec));
        memcpy(*logits + first * classes, td_exec_forward(exec, batch),
               batch * classes * sizeof **logits);
        if (watch.batch_done && !watch.batch_done(watch.context, first + batch))
            status = td_fail(error, TD_ERR_INTERRUPTED, "interrupted after %zu of %zu images",
                             first + batch, images->count);
    }
    td_exec_free(exec);
    return status;
}
