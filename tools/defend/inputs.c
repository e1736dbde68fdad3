/* SPDX-License-Identifier: MIT */
#include "defend/inputs.h"

#include "frame/classes.h"
#include "frame/net_source.h"
#include "nn/feed.h"
#include <string.h>

#define AT(field) offsetof(defend_model, field)

const td_key defend_model_keys[] = {
    {"model", TD_KEY_TEXT, AT(path), .required = true, .value = "MODEL", .help = "The model"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "The net of a model that does not name it: one of the zoo, or a file with a net text"},
    {0},
};

td_status defend_open_model(tool_run *run, const defend_model *from, const td_images *images,
                            td_model *model, td_error *error) {
    TD_TRY(tool_run_open_model(run, from->path, from->net, images, model, error));
    return tool_run_model_classes(run, model, from->path, error);
}

td_status defend_open_model_for(tool_run *run, const defend_model *from, td_dataset *set,
                                td_model *model, td_error *error) {
    TD_TRY(defend_open_model(run, from, &set->images, model, error));
    return tool_run_match(run, set, error);
}

td_status defend_check_shape(const td_dataset *data, const td_net *net, td_error *error) {
    if (data->images.count == 0)
        return td_fail(error, TD_ERR_USAGE, "%s: expected images, found none", data->name);
    td_status status = td_feed_check(net, &data->images, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", data->name);
}

td_status defend_check_data(const td_dataset *data, const td_net *net, td_error *error) {
    TD_TRY(defend_check_shape(data, net, error));
    if (data->images.classes <= td_net_classes(net))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected at most the %zu classes of the model, found %zu", data->name,
                   td_net_classes(net), data->images.classes);
}

td_status defend_gather(const td_images *images, const uint32_t *numbers, size_t count,
                        td_arena *arena, td_images *out, td_error *error) {
    const size_t size = td_image_size(images);
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(td_arena_alloc(arena, count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &labels, "labels", error));
    for (size_t i = 0; i < count; i++) {
        memcpy(pixels + i * size, td_image(images, numbers[i]), size);
        labels[i] = images->labels[numbers[i]];
    }
    *out = *images;
    out->count = count;
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}
