/* What the three ways of removing a backdoor share: images with a recovered trigger, and the
 * neurons before the last dense layer. */
#include "base/size.h"
#include "defend/inspect/cleanse.h"
#include "nn/channels.h"
#include "nn/cut.h"
#include "nn/op.h"
#include <string.h>

enum { SLICE = 128 };

td_status cleanse_stamp(const td_images *images, const uint32_t *numbers, size_t count,
                        const cleanse_found *found, uint8_t *out, td_error *error) {
    const size_t size = td_image_size(images);
    td_arena arena = {0};
    float *pixels;
    td_status status =
        td_arena_alloc(&arena, SLICE * sizeof *pixels, size, (void **)&pixels, "images", error);
    for (size_t first = 0; status == TD_OK && first < count; first += SLICE) {
        const size_t some = td_size_min(SLICE, count - first);
        cleanse_apply(images, numbers + first, some, found->mask, found->pattern, pixels);
        for (size_t i = 0; i < some * size; i++)
            out[first * size + i] = (uint8_t)(pixels[i] + 0.5F);
    }
    td_arena_free(&arena);
    return status;
}

td_status cleanse_stamp_others(const td_images *images, const cleanse_found *found, size_t target,
                               td_arena *arena, td_images *out, td_error *error) {
    static const char what[] = "images";
    uint32_t *numbers;
    int32_t *labels;
    uint8_t *pixels;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &numbers, what, error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &labels, what, error));
    for (size_t i = 0; i < images->count; i++)
        if ((size_t)images->labels[i] != target) {
            labels[count] = images->labels[i];
            numbers[count++] = (uint32_t)i;
        }
    TD_TRY(td_arena_alloc(arena, count, td_image_size(images), (void **)&pixels, what, error));
    TD_TRY(cleanse_stamp(images, numbers, count, found, pixels, error));
    *out = *images;
    out->count = count;
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}

td_status cleanse_stamp_trigger(const cleanse_job *job, const repair_backdoor *backdoor,
                                const td_images *images, size_t first, td_arena *arena,
                                td_images *out, td_error *error) {
    const size_t size = td_image_size(images);
    const td_stamp stamp = {job->options->repair.common.seed, first};
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(td_trigger_stamp(backdoor->trigger, images, stamp, arena, out, error));
    TD_TRY(td_arena_alloc(arena, images->count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &labels, "images", error));
    size_t count = 0;
    for (size_t i = 0; i < images->count; i++)
        if ((size_t)images->labels[i] != backdoor->target) {
            memcpy(pixels + count * size, td_image(out, i), size);
            labels[count++] = images->labels[i];
        }
    out->count = count;
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}

json_t *cleanse_patched_json(const cleanse_job *job) {
    json_t *numbers = json_array();
    for (size_t i = 0; i < job->patched_count; i++)
        json_array_append_new(numbers,
                              json_integer((json_int_t)job->classes[job->patched[i]].number));
    return numbers;
}

td_status cleanse_penultimate(const td_net *net, size_t *node, td_error *error) {
    const td_node *last = &net->nodes[net->node_count - 1];
    if (last->op != td_op_find("dense"))
        return td_fail(error, TD_ERR_USAGE,
                       "expected a net that ends with a dense layer, found %s (\"%s\")",
                       last->op->name, last->name);
    *node = last->inputs[0];
    while (net->nodes[*node].op == td_op_find("dropout"))
        *node = net->nodes[*node].inputs[0];
    return TD_OK;
}

td_status cleanse_neurons(const cleanse_job *job, size_t node, const td_images *images,
                          td_arena *arena, float **out, td_error *error) {
    const td_net *net = &job->model.net;
    td_net part;
    float *weights;
    TD_TRY(td_net_cut(net, job->model.weights, net->nodes[node].name, false, &part, &weights, arena,
                      error));
    td_status status = td_predict(&part, weights, images, (td_predict_watch){0}, arena, out, error);
    td_net_free(&part);
    return status;
}

static void add_means(const float *values, size_t count, size_t neurons, double sign,
                      double *means) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < neurons; k++)
            means[k] += sign * (double)values[i * neurons + k] / (double)count;
}

td_status cleanse_rank(const float *clean, size_t clean_count, const float *triggered,
                       size_t triggered_count, size_t neurons, td_arena *arena, size_t **order,
                       double **rise, td_error *error) {
    double *fall;
    TD_TRY(TD_ARENA_NEW(arena, neurons, order, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, neurons, rise, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, neurons, &fall, "neurons", error));
    add_means(clean, clean_count, neurons, 1, fall);
    add_means(triggered, triggered_count, neurons, -1, fall);
    td_channels_rank(fall, neurons, *order);
    for (size_t k = 0; k < neurons; k++)
        (*rise)[k] = -fall[k];
    return TD_OK;
}
