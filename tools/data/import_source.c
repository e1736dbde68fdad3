#include "import.h"
#include <stdio.h>

static bool has_regions(const import_source *source) {
    for (size_t i = 0; source->is_listing && i < source->count; i++)
        if (source->listing.images[i].box.right > 0)
            return true;
    return false;
}

static td_status open_set(import_source *source, const tool_run *run, td_error *error) {
    const char *data = ((const import_request *)run->own)->data;
    TD_TRY(td_dataset_open(&source->set, data, "train", run->common->data_dir, error));
    source->count = source->set.images.count;
    source->classes = source->set.images.classes;
    source->class_names = source->set.class_names;
    source->split = source->set.split;
    return TD_OK;
}

td_status import_source_open(import_source *source, const tool_run *run, td_error *error) {
    const import_request *request = run->own;
    *source = (import_source){0};
    TD_TRY(td_listing_open(&source->listing, &source->is_listing, request->data, "train",
                           run->common->data_dir, error));
    if (source->is_listing) {
        source->count = source->listing.count;
        source->classes = source->listing.classes;
        source->class_names = source->listing.class_names;
        source->split = source->listing.split;
    } else {
        TD_TRY(open_set(source, run, error));
    }
    if (!request->regions || has_regions(source))
        return TD_OK;
    import_source_close(source);
    return td_fail(error, TD_ERR_USAGE,
                   "--roi: expected pictures with a region of interest, as GTSRB's have; those of "
                   "%s have none",
                   request->data);
}

void import_source_close(import_source *source) {
    td_listing_close(&source->listing);
    td_dataset_close(&source->set);
    *source = (import_source){0};
}

int32_t import_source_label(const import_source *source, size_t index) {
    return source->is_listing ? source->listing.images[index].label
                              : source->set.images.labels[index];
}

td_status import_source_picture(const import_source *source, size_t index, bool regions,
                                import_picture *picture, td_digest *digest, td_error *error) {
    *picture = (import_picture){.owned = source->is_listing};
    if (source->is_listing)
        return td_listing_decode(&source->listing, index, regions, &picture->bitmap, &picture->box,
                                 digest, error);
    const td_images *images = &source->set.images;
    /* Read only: the pixels may be mapped. */
    picture->bitmap = (td_bitmap){.width = images->width,
                                  .height = images->height,
                                  .channels = images->channels,
                                  .pixels = (uint8_t *)td_image(images, index)};
    return TD_OK;
}

void import_picture_free(import_picture *picture) {
    if (picture->owned)
        td_bitmap_free(&picture->bitmap);
    *picture = (import_picture){0};
}

import_name import_source_name(const import_source *source, size_t index) {
    import_name name;
    if (source->is_listing)
        snprintf(name.text, sizeof name.text, "%s", source->listing.images[index].path);
    else
        snprintf(name.text, sizeof name.text, "%s: image %zu", source->set.name,
                 source->set.first + index);
    return name;
}
