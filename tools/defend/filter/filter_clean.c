/* SPDX-License-Identifier: MIT */
/* Writes the set without the suspects, image by image, because it may be larger than memory. */
#include "base/size.h"
#include "data/safetensors.h"
#include "defend/filter/filter.h"

typedef struct keeping {
    const tool_run *run;
    const td_images *images;
    const bool *suspect;
    size_t next; /* image of the set */
} keeping;

/* The images up to the next suspect, or the end. */
static td_status next_piece(void *context, const void **piece, size_t *bytes, td_error *error) {
    keeping *k = context;
    while (k->suspect[k->next])
        k->next++;
    const size_t begin = k->next;
    while (k->next < k->images->count && !k->suspect[k->next])
        k->next++;
    *piece = td_image(k->images, begin);
    *bytes = (k->next - begin) * td_image_size(k->images);
    return tool_run_stops(k->run) ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted") : TD_OK;
}

td_status filter_write_cleaned(tool_run *run, const td_dataset *data, const bool *suspect,
                               td_error *error) {
    td_images kept = data->images;
    int32_t *labels;
    keeping k = {.run = run, .images = &data->images, .suspect = suspect};
    td_pieces pixels = {next_piece, &k};
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, run->common->output, &stream, error));
    TD_TRY(TD_ARENA_NEW(&run->arena, kept.count, &labels, "labels", error));
    kept.count = 0;
    for (size_t i = 0; i < data->images.count; i++)
        if (!suspect[i])
            labels[kept.count++] = data->images.labels[i];
    kept.labels = labels;
    TD_TRY(td_name_stream(error,
                          td_dataset_write_pieces(stream, &kept, &pixels, data->class_names,
                                                  data->name, data->split, error),
                          stream, run->common->output));
    return tool_outputs_finish(&run->outputs, &run->record, error);
}
