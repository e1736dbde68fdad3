/* Images with a trigger, recovered or given, on which the patches work. */
#include "base/size.h"
#include "defend/inspect/cleanse.h"
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
