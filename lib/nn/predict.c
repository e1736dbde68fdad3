#include "nn/predict.h"

#include "base/size.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include <string.h>

enum { BATCH = 1024 };

td_status td_predict(const td_net *net, const float *weights, const td_images *images,
                     td_predict_watch watch, td_arena *arena, float **logits, td_error *error) {
    size_t classes = td_net_classes(net);
    td_exec *exec;
    TD_TRY(td_feed_check(net, images, error));
    TD_TRY(td_arena_alloc(arena, images->count, classes * sizeof **logits, (void **)logits,
                          "predictions", error));
    TD_TRY(td_exec_new(&exec, net, BATCH, TD_FORWARD, error));
    td_exec_weights(exec, weights);
    td_status status = TD_OK;
    for (size_t first = 0; status == TD_OK && first < images->count; first += BATCH) {
        size_t batch = td_size_min(BATCH, images->count - first);
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
