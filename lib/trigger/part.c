/* SPDX-License-Identifier: MIT */
/* One part of a trigger: a family with its settings. The table of families. */
#include "trigger/family.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILIES_OF(ROW)                                                                           \
    ROW(square)                                                                                    \
    ROW(triangle)                                                                                  \
    ROW(rhombus)                                                                                   \
    ROW(pixel)                                                                                     \
    ROW(image)                                                                                     \
    ROW(ramp)                                                                                      \
    ROW(triangle_wave)                                                                             \
    ROW(sine)                                                                                      \
    ROW(blend)                                                                                     \
    ROW(grid_blend)                                                                                \
    ROW(reflection)                                                                                \
    ROW(warp)                                                                                      \
    ROW(quantise)                                                                                  \
    ROW(dct)                                                                                       \
    ROW(smooth)                                                                                    \
    ROW(rotate)                                                                                    \
    ROW(add)                                                                                       \
    ROW(table)

#define DECLARED(name) extern const td_family td_family_##name;
#define LISTED(name) &td_family_##name,

FAMILIES_OF(DECLARED)

static const td_family *const families[] = {FAMILIES_OF(LISTED)};

enum { FAMILIES = sizeof families / sizeof *families };

const td_family *td_part_family(size_t number) {
    return number < FAMILIES ? families[number] : NULL;
}

const td_family *td_part_family_named(const char *text, size_t length) {
    for (size_t i = 0; i < FAMILIES; i++)
        if (strlen(families[i]->name) == length && memcmp(families[i]->name, text, length) == 0)
            return families[i];
    return NULL;
}

static td_status fail_family(const char *text, size_t length, td_error *error) {
    char allowed[512];
    size_t used = 0;
    for (size_t i = 0; i < FAMILIES; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s",
                                 i == 0             ? ""
                                 : i < FAMILIES - 1 ? ", "
                                                    : " or ",
                                 families[i]->name);
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected a family (%s), found '%.*s'", text,
                   allowed, (int)length, text);
}

/* The files that the keys name. */
static td_status add_named_files(td_part *part, td_error *error) {
    const td_key *keys = part->family->keys;
    for (size_t i = 0; keys[i].name; i++)
        if (strcmp(keys[i].name, "file") == 0 && part->settings[i].given)
            TD_TRY(td_part_add_file(part, part->settings[i].text, error));
    return TD_OK;
}

td_status td_part_parse(td_part *part, const char *text, td_error *error) {
    size_t length = strcspn(text, ":");
    part->family = td_part_family_named(text, length);
    if (!part->family)
        return fail_family(text, length, error);
    TD_TRY(td_keys_parse(part, text[length] ? text + length + 1 : NULL, text, error));
    char canonical[TD_TRIGGER_TEXT_MAX], *copy;
    td_keys_print(part->family, part->settings, canonical);
    TD_TRY(td_arena_text(&part->arena, canonical, strlen(canonical), &copy, error));
    part->text = copy;
    TD_TRY(add_named_files(part, error));
    return part->family->prepare ? part->family->prepare(part, error) : TD_OK;
}

void td_part_free(td_part *part) {
    td_bitmap_free(&part->bitmap);
    td_npy_close(&part->array);
    free(part->files);
    free(part->file_stamps);
    td_arena_free(&part->bound_arena);
    td_arena_free(&part->arena);
}

td_status td_part_add_file(td_part *part, const char *path, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&part->arena, path, strlen(path), &copy, error));
    const char **files = realloc(part->files, (part->file_count + 1) * sizeof *files);
    if (!files)
        return td_fail_memory(error, "the names of files");
    part->files = files;
    td_file_stamp *stamps = realloc(part->file_stamps, (part->file_count + 1) * sizeof *stamps);
    if (!stamps)
        return td_fail_memory(error, "the names of files");
    part->file_stamps = stamps;
    stamps[part->file_count] = td_file_stamp_of(path);
    files[part->file_count++] = copy;
    return TD_OK;
}

const td_key *td_part_strength_key(const td_part *part) {
    const td_family *family = part->family;
    return family->strength ? td_key_find(family->keys, family->strength) : NULL;
}

td_status td_part_bind(td_part *part, const td_images *images, size_t first, td_error *error) {
    td_arena_free(&part->bound_arena);
    part->note = NULL;
    part->scratch = 0;
    part->first = first;
    part->images = SIZE_MAX;
    part->shape = (td_shape){images->height, images->width, images->channels};
    td_status status = part->family->bind(part, images, error);
    if (status == TD_OK)
        return TD_OK;
    part->shape = (td_shape){0};
    return td_fail_within(error, status, "trigger '%s'", part->text);
}

td_status td_part_set_note(td_part *part, td_error *error, const char *format, ...) {
    char text[1024], *copy;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    TD_TRY(td_arena_text(&part->bound_arena, text, strlen(text), &copy, error));
    part->note = copy;
    return TD_OK;
}
