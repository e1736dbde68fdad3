/* What patches have in common: the model before and after, training on, and images of which some
 * carry recovered triggers. */
#include "base/size.h"
#include "defend/inspect/inspect.h"
#include "frame/model_output.h"
#include <string.h>

td_status inspect_patch(inspection *in, inspect_repair repair, td_error *error) {
    repair_figures before, after;
    const td_net *net;
    float *weights;
    TD_TRY(repair_measure(&in->truth, "measuring before", &in->model.net, in->model.weights,
                          &before, error));
    TD_TRY(repair(in, &net, &weights, error));
    TD_TRY(repair_measure(&in->truth, "measuring after", net, weights, &after, error));
    TD_TRY(repair_report(&in->truth, &before, &after, error));
    return tool_run_model(in->run, in->run->common->output, net, weights, in->model.training,
                          error);
}

td_status inspect_patch_table(inspection *in, const tool_table_kind *kind, tool_table **out,
                              td_error *error) {
    TD_TRY(tool_run_table(in->run, kind, out, error));
    (*out)->into = json_object_get(in->run->record.root, "patch");
    (*out)->path = "/patch";
    return TD_OK;
}

td_status inspect_tune(inspection *in, const tune_options *options, const char *what,
                       const td_images *images, float **weights, td_error *error) {
    const size_t count = in->model.net.weight_count;
    const tune_run tune = {.options = options, .what = what};
    TD_TRY(TD_ARENA_NEW(&in->run->arena, count, weights, "weights", error));
    memcpy(*weights, in->model.weights, count * sizeof **weights);
    return tune_model(in->run, &tune, &in->model.net, *weights, images, error);
}

/* Images of other classes than `class`, from order[*next] on; returns how many. */
static size_t choose(const td_images *images, size_t class, size_t wanted, const uint32_t *order,
                     size_t *next, uint32_t *numbers) {
    size_t count = 0;
    for (; count < wanted && *next < images->count; (*next)++)
        if ((size_t)images->labels[order[*next]] != class)
            numbers[count++] = order[*next];
    return count;
}

td_status inspect_stamp_share(inspection *in, const td_images *images, inspect_share *share,
                              td_images *out, size_t *stamped, td_error *error) {
    td_arena *arena = &in->run->arena;
    const size_t bytes = images->count * td_image_size(images);
    const size_t each = (size_t)(share->share * (double)images->count / (double)share->count + 0.5);
    uint32_t *order, *numbers;
    uint8_t *pixels;
    size_t next = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &numbers, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, bytes, &pixels, "images", error));
    memcpy(pixels, images->pixels, bytes);
    td_random_permutation(&share->order, order, (uint32_t)images->count);
    *stamped = 0;
    for (size_t i = 0; i < share->count; i++) {
        const size_t count = choose(images, share->classes[i], each, order, &next, numbers);
        TD_TRY(share->stamp(in, share->classes[i], images, numbers, count, pixels, error));
        *stamped += count;
    }
    *out = *images;
    out->pixels = pixels;
    return TD_OK;
}
