/* SPDX-License-Identifier: MIT */
#include "import.h"

#include "data/orientation.h"
#include <stdio.h>
#include <string.h>

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
        source->listing.reading.as_stored = request->as_stored;
        memcpy(source->listing.reading.ground.rgb, request->ground.rgb, sizeof request->ground.rgb);
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

/* An image of an array; read-only if it is not to be changed, because the pixels may be mapped. */
static td_status take_image(const td_images *images, size_t index, import_picture *picture,
                            td_error *error) {
    td_bitmap *bitmap = &picture->read.bitmap;
    const uint8_t *pixels = td_image(images, index);
    if (picture->owned) {
        TD_TRY(td_bitmap_make(bitmap, images->width, images->height, images->channels, error));
        memcpy(bitmap->pixels, pixels, td_image_size(images));
        return TD_OK;
    }
    *bitmap = (td_bitmap){.width = images->width,
                          .height = images->height,
                          .channels = images->channels,
                          .pixels = (uint8_t *)pixels};
    return TD_OK;
}

static td_status transpose(td_read_picture *read, td_error *error) {
    const td_box box = read->box;
    read->box = (td_box){box.top, box.left, box.bottom, box.right};
    td_status status = td_orientation_apply(&read->bitmap, TD_TRANSPOSED, error);
    if (status != TD_OK)
        td_bitmap_free(&read->bitmap);
    return status;
}

td_status import_source_picture(const import_source *source, size_t index,
                                const import_request *request, bool digest, import_picture *picture,
                                td_error *error) {
    *picture = (import_picture){.owned = source->is_listing || request->transpose};
    if (source->is_listing)
        TD_TRY(td_listing_decode(&source->listing, index, request->regions, digest, &picture->read,
                                 error));
    else
        TD_TRY(take_image(&source->set.images, index, picture, error));
    return request->transpose ? transpose(&picture->read, error) : TD_OK;
}

void import_picture_free(import_picture *picture) {
    if (picture->owned)
        td_bitmap_free(&picture->read.bitmap);
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
