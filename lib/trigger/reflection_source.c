/* SPDX-License-Identifier: MIT */
#include "trigger/reflection_source.h"

#include "base/parallel_try.h"
#include "data/folder.h"
#include "data/picture.h"
#include <string.h>

static td_status list_folder(td_part *part, const char *path, td_error *error) {
    td_arena arena = {0};
    td_folder folder;
    char joined[TD_PATH_SIZE];
    td_status status = td_folder_read(&folder, path, &arena, error);
    for (size_t i = 0; status == TD_OK && i < folder.count; i++) {
        if (!td_picture_is_name(folder.names[i]))
            continue;
        status = td_folder_check_name(path, folder.names[i], error);
        if (status == TD_OK)
            status = td_folder_join(joined, path, folder.names[i], error);
        if (status == TD_OK)
            status = td_part_add_file(part, joined, error);
    }
    td_arena_free(&arena);
    if (status == TD_OK && part->file_count == 0)
        return td_fail(error, TD_ERR_USAGE, "%s: expected a folder of pictures, found none in it",
                       path);
    return status;
}

td_status td_reflection_prepare(td_part *part, td_error *error) {
    const td_setting *settings = part->settings;
    if (settings[TD_REFLECTION_FILE].given)
        return td_picture_read(&part->bitmap, settings[TD_REFLECTION_FILE].text, error);
    if (settings[TD_REFLECTION_FOLDER].given)
        return list_folder(part, settings[TD_REFLECTION_FOLDER].text, error);
    return TD_OK;
}

static td_status bind_file(td_reflection_pictures *out, td_part *part, td_error *error) {
    uint8_t *pixels;
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, out->size, &pixels, "a picture", error));
    TD_TRY(td_part_fit(&part->bitmap, part->shape, pixels, error));
    out->count = 1;
    out->pixels = pixels;
    return td_part_note_fit(part, part->files[0], &part->bitmap, error);
}

typedef struct folder_work {
    const td_part *part;
    uint8_t *pixels; /* [file_count, size] */
    bool *resized;   /* [file_count] */
} folder_work;

static td_status read_one(void *context, size_t index, td_error *error) {
    const folder_work *work = context;
    const char *path = work->part->files[index];
    td_shape shape = work->part->shape;
    td_bitmap bitmap;
    TD_TRY(td_picture_read(&bitmap, path, error));
    td_status status =
        td_part_fit(&bitmap, shape, work->pixels + index * td_shape_size(shape), error);
    work->resized[index] = !td_part_fits(&bitmap, shape);
    td_bitmap_free(&bitmap);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

static td_status bind_folder(td_reflection_pictures *out, td_part *part, td_error *error) {
    enum { PICTURES_PER_CHUNK = 4 };
    td_arena *arena = &part->bound_arena;
    folder_work work = {.part = part};
    size_t resized = 0;
    out->count = part->file_count;
    TD_TRY(td_arena_alloc(arena, out->count, out->size, (void **)&work.pixels, "pictures", error));
    TD_TRY(TD_ARENA_NEW(arena, out->count, &work.resized, "pictures", error));
    TD_TRY(td_parallel_try(out->count, PICTURES_PER_CHUNK, read_one, &work, error));
    out->pixels = work.pixels;
    for (size_t i = 0; i < out->count; i++)
        resized += work.resized[i];
    if (resized == 0)
        return TD_OK;
    return td_part_set_note(
        part, error, "%s: %zu of %zu pictures are made to fit the images, %zux%zu in %s",
        part->settings[TD_REFLECTION_FOLDER].text, resized, out->count, part->shape.width,
        part->shape.height, part->shape.channels == 3 ? "colour" : "grey");
}

static td_status bind_class(td_reflection_pictures *out, td_part *part, const td_images *images,
                            td_error *error) {
    const td_classes indices = {"the data", NULL, images->classes};
    const td_classes *classes = part->classes ? part->classes : &indices;
    const char *text = part->settings[TD_REFLECTION_CLASS].text;
    uint32_t *which;
    size_t class;
    TD_TRY(td_class_find(&class, classes, "key 'class'", text, strlen(text), error));
    for (size_t i = 0; i < images->count; i++)
        out->count += (size_t)images->labels[i] == class;
    if (out->count == 0 || images->count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE,
                       "expected images of class %s in the data to reflect, found none", text);
    TD_TRY(TD_ARENA_NEW(&part->bound_arena, out->count, &which, "a class", error));
    for (size_t i = 0, next = 0; i < images->count; i++)
        if ((size_t)images->labels[i] == class)
            which[next++] = (uint32_t)i;
    out->pixels = images->pixels;
    out->which = which;
    return TD_OK;
}

td_status td_reflection_bind(td_reflection_pictures *out, td_part *part, const td_images *images,
                             td_error *error) {
    *out = (td_reflection_pictures){.size = td_shape_size(part->shape)};
    if (part->settings[TD_REFLECTION_FILE].given)
        return bind_file(out, part, error);
    if (part->settings[TD_REFLECTION_FOLDER].given)
        return bind_folder(out, part, error);
    return bind_class(out, part, images, error);
}
