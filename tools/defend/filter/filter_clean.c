/* The set without the suspects, image by image: it may be larger than memory. */
#include "base/size.h"
#include "data/safetensors.h"
#include "defend/filter/filter.h"

typedef struct keeping {
    const filter_job *job;
    size_t next; /* image of the set */
} keeping;

/* The images up to the next suspect, or the end. */
static td_status next_piece(void *context, const void **piece, size_t *bytes, td_error *error) {
    keeping *k = context;
    const td_images *images = &k->job->data.images;
    while (k->job->suspect[k->next])
        k->next++;
    const size_t begin = k->next;
    while (k->next < images->count && !k->job->suspect[k->next])
        k->next++;
    *piece = td_image(images, begin);
    *bytes = (k->next - begin) * td_image_size(images);
    return tool_run_stops(k->job->run) ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted") : TD_OK;
}

td_status filter_write_cleaned(filter_job *job, td_error *error) {
    const td_dataset *data = &job->data;
    td_images kept = data->images;
    int32_t *labels;
    keeping k = {.job = job};
    td_pieces pixels = {next_piece, &k};
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&job->run->outputs, job->run->common->output, &stream, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, kept.count, &labels, "labels", error));
    kept.count = 0;
    for (size_t i = 0; i < data->images.count; i++)
        if (!job->suspect[i])
            labels[kept.count++] = data->images.labels[i];
    kept.labels = labels;
    TD_TRY(td_dataset_write_pieces(stream, &kept, &pixels, data->class_names, data->name,
                                   data->split, error));
    return tool_outputs_finish(&job->run->outputs, &job->run->record, error);
}
