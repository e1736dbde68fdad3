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

/* Images of other classes than `class`, from order[*next] on; returns how many. */
static size_t choose(const td_images *images, size_t class, size_t wanted, const uint32_t *order,
                     size_t *next, uint32_t *numbers) {
    size_t count = 0;
    for (; count < wanted && *next < images->count; (*next)++)
        if ((size_t)images->labels[order[*next]] != class)
            numbers[count++] = order[*next];
    return count;
}

td_status inspect_unlearn(inspection *in, const td_images *images, inspect_unlearning *how,
                          float **weights, size_t *stamped, td_error *error) {
    td_arena *arena = &in->run->arena;
    const size_t size = td_image_size(images), bytes = images->count * size;
    const size_t count = in->model.net.weight_count;
    const size_t each =
        (size_t)(how->share * (double)images->count / (double)how->class_count + 0.5);
    const tune_run tune = {.options = how->tune, .what = how->what};
    td_images mixed = *images;
    uint32_t *order, *numbers;
    uint8_t *pixels;
    size_t next = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &numbers, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, bytes, &pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, weights, "weights", error));
    memcpy(pixels, images->pixels, bytes);
    mixed.pixels = pixels;
    td_random_permutation(&how->order, order, (uint32_t)images->count);
    *stamped = 0;
    for (size_t k = 0; k < how->class_count; k++) {
        const size_t chosen = choose(images, how->classes[k], each, order, &next, numbers);
        for (size_t i = 0; i < chosen; i++)
            how->stamp(in, how->classes[k], i, pixels + numbers[i] * size);
        *stamped += chosen;
    }
    memcpy(*weights, in->model.weights, count * sizeof **weights);
    return tune_model(in->run, &tune, &in->model.net, *weights, &mixed, error);
}
