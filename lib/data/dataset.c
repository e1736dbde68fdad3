/* SPDX-License-Identifier: MIT */
#include "data/dataset.h"

#include "data/format.h"
#include "data/pictures.h"
#include <string.h>

/* If the format does not define the classes, the name of a known set does. */
static td_status settle_classes(td_dataset *set, const td_source *source, td_error *error) {
    td_images *images = &set->images;
    const td_known_set *known = images->classes ? NULL : source->known;
    size_t end = images->classes ? images->classes : known ? known->classes : TD_MOST_CLASSES;
    int32_t largest = 0;
    for (size_t i = 0; i < images->count; i++) {
        if (images->labels[i] < 0 || (size_t)images->labels[i] >= end)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: label of image %zu: expected 0 to %zu, found %d", source->path, i,
                           end - 1, (int)images->labels[i]);
        if (images->labels[i] > largest)
            largest = images->labels[i];
    }
    if (images->classes)
        return TD_OK;
    images->classes = known ? known->classes : (size_t)largest + 1;
    if (!known)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&set->arena, known->classes, &set->class_names, "class names", error));
    for (size_t i = 0; i < known->classes; i++)
        set->class_names[i] = known->class_names[i];
    return TD_OK;
}

static td_status open_one(td_dataset *set, const td_format *format, const td_request *request,
                          const char *data, td_error *error) {
    td_source source = td_source_of(request);
    TD_TRY(format->open(set, &source, error));
    TD_TRY(settle_classes(set, &source, error));
    TD_TRY(td_request_check_range(request, data, set->images.count, error));
    if (request->has_range) {
        set->images = td_images_slice(&set->images, request->begin, request->end);
        set->first = request->begin;
    }
    return TD_OK;
}

static td_status open_pictures(td_dataset *set, const td_format *format, const td_request *request,
                               const char *data, td_error *error) {
    td_listing listing;
    TD_TRY(td_listing_of(&listing, format, request, data, error));
    return td_pictures_open(set, &listing, error);
}

/* Whether no value is above 1. For most sets the first image decides. */
static bool has_only_ones(const td_images *images) {
    const size_t size = images->count * td_image_size(images);
    size_t ones = 0;
    for (size_t i = 0; i < size; i++) {
        if (images->pixels[i] > 1)
            return false;
        ones += images->pixels[i];
    }
    return ones > 0;
}

static td_status open_data(td_dataset *set, const char *data, const char *split, const char *folder,
                           td_error *error) {
    td_request request;
    const td_format *format;
    TD_TRY(td_request_read(&request, data, split, folder, error));
    TD_TRY(td_format_find(&format, request.path, error));
    TD_TRY((format->list ? open_pictures : open_one)(set, format, &request, data, error));
    char *name;
    TD_TRY(td_arena_text(&set->arena, data, strlen(data), &name, error));
    set->name = name;
    set->remarks.ones = has_only_ones(&set->images);
    return TD_OK;
}

td_status td_dataset_open(td_dataset *set, const char *data, const char *split, const char *folder,
                          td_error *error) {
    *set = (td_dataset){0};
    td_status status = open_data(set, data, split, folder, error);
    if (status != TD_OK)
        td_dataset_close(set);
    return status;
}

td_status td_dataset_add_file(td_dataset *set, const char *path, td_error *error) {
    const char **files;
    td_file_stamp *stamps;
    char *copy;
    TD_TRY(TD_ARENA_NEW(&set->arena, set->file_count + 1, &files, "file names", error));
    TD_TRY(TD_ARENA_NEW(&set->arena, set->file_count + 1, &stamps, "file names", error));
    TD_TRY(td_arena_text(&set->arena, path, strlen(path), &copy, error));
    for (size_t i = 0; i < set->file_count; i++) {
        files[i] = set->files[i];
        stamps[i] = set->stamps[i];
    }
    files[set->file_count] = copy;
    stamps[set->file_count++] = td_file_stamp_of(path);
    set->files = files;
    set->stamps = stamps;
    return TD_OK;
}

/* --- classes --- */

td_classes td_dataset_classes(const td_dataset *set) {
    return (td_classes){set->name, set->class_names, set->images.classes};
}

static td_status count_images(td_dataset *set, size_t **counts, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&set->arena, set->images.classes, counts, "counts", error));
    for (size_t i = 0; i < set->images.count; i++)
        (*counts)[set->images.labels[i]]++;
    return TD_OK;
}

static td_status take_names(td_dataset *set, const td_classes *own, size_t count, td_error *error) {
    const char **names;
    TD_TRY(TD_ARENA_NEW(&set->arena, count, &names, "class names", error));
    for (size_t i = 0; i < count; i++) {
        char *copy;
        TD_TRY(td_arena_text(&set->arena, own->names[i], strlen(own->names[i]), &copy, error));
        names[i] = copy;
    }
    set->class_names = names;
    return TD_OK;
}

static td_status relabel(td_dataset *set, const int32_t *map, td_error *error) {
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&set->arena, set->images.count, &labels, "labels", error));
    for (size_t i = 0; i < set->images.count; i++)
        labels[i] = map[set->images.labels[i]];
    set->images.labels = labels;
    return TD_OK;
}

td_status td_dataset_match(td_dataset *set, const td_classes *own, td_class_order *order,
                           size_t *lacking, td_error *error) {
    const td_classes classes = td_dataset_classes(set);
    size_t *counts, shared = 0;
    int32_t *map;
    TD_TRY(count_images(set, &counts, error));
    TD_TRY(TD_ARENA_NEW(&set->arena, classes.count, &map, "classes", error));
    TD_TRY(td_classes_match(own, &classes, counts, map, order, error));
    *lacking = 0;
    if (*order == TD_CLASSES_INDEX && own->names && !set->class_names &&
        classes.count <= own->count)
        return take_names(set, own, classes.count, error);
    if (*order != TD_CLASSES_MAPPED)
        return TD_OK;
    for (size_t i = 0; i < classes.count; i++)
        shared += map[i] != TD_NO_CLASS;
    *lacking = own->count - shared;
    TD_TRY(relabel(set, map, error));
    set->images.classes = own->count;
    return take_names(set, own, own->count, error);
}

void td_dataset_close(td_dataset *set) {
    td_map_close(&set->map);
    td_arena_free(&set->arena);
    *set = (td_dataset){0};
}
