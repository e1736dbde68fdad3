/* SPDX-License-Identifier: MIT */
#include "set.h"

#include "fuzz.h"
#include <string.h>

static void check(const td_dataset *set) {
    const td_images *images = &set->images;
    FUZZ_ASSERT(images->count > 0 && td_image_size(images) > 0);
    FUZZ_ASSERT(images->channels == 1 || images->channels == 3);
    FUZZ_ASSERT(images->classes > 0 && images->classes <= TD_MOST_CLASSES);
    fuzz_touch(images->pixels, images->count * td_image_size(images));
    for (size_t i = 0; i < images->count; i++)
        FUZZ_ASSERT(images->labels[i] >= 0 && (size_t)images->labels[i] < images->classes);
    for (size_t i = 0; set->class_names && i < images->classes; i++)
        FUZZ_ASSERT(set->class_names[i]);
    for (size_t i = 0; i < set->file_count; i++)
        FUZZ_ASSERT(set->files[i]);
    FUZZ_ASSERT(!*set->split || strcmp(set->split, "train") == 0 ||
                strcmp(set->split, "test") == 0);
}

static void check_same(const td_dataset *a, const td_dataset *b) {
    const td_images *one = &a->images, *other = &b->images;
    FUZZ_ASSERT(one->count == other->count && one->height == other->height &&
                one->width == other->width && one->channels == other->channels &&
                one->classes == other->classes);
    FUZZ_ASSERT(memcmp(one->pixels, other->pixels, one->count * td_image_size(one)) == 0);
    FUZZ_ASSERT(memcmp(one->labels, other->labels, one->count * sizeof *one->labels) == 0);
    FUZZ_ASSERT(strcmp(a->split, b->split) == 0);
    FUZZ_ASSERT(!a->class_names == !b->class_names);
    for (size_t i = 0; a->class_names && i < one->classes; i++)
        FUZZ_ASSERT(strcmp(a->class_names[i], b->class_names[i]) == 0);
}

static void check_writing(const td_dataset *set) {
    td_error error = {""};
    td_dataset again;
    fuzz_output output;
    fuzz_output_open(&output);
    fuzz_expect(td_dataset_write(output.stream, &set->images, set->class_names, set->name,
                                 set->split, &error),
                &error);
    fuzz_output_close(&output);
    const char *split = *set->split ? set->split : "train";
    fuzz_expect(td_dataset_open(&again, fuzz_file((const uint8_t *)output.bytes, output.size),
                                split, NULL, &error),
                &error);
    check_same(set, &again);
    td_dataset_close(&again);
    fuzz_output_free(&output);
}

void fuzz_set(const char *data, const char *split) {
    td_error error = {""};
    td_dataset set;
    if (!fuzz_succeeded(td_dataset_open(&set, data, split, NULL, &error), &error)) {
        FUZZ_ASSERT(!set.images.pixels && !set.arena.blocks && !set.map.data);
        return;
    }
    check(&set);
    check_writing(&set);
    td_dataset_close(&set);
}
