/* SPDX-License-Identifier: MIT */
/* A trigger that differs for each image: the measured images, stamped, as an array. */
#include "base/size.h"
#include "implant/plant.h"
#include "nn/feed.h"

td_status plant_table_open(plant *p, const char *role, const char *file, td_error *error) {
    if (p->measured->first > 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected images from the first of the split on, as the rows of a table "
                       "are, found them from %zu on",
                       p->measured->name, p->measured->first);
    return plant_trigger(p, role, NULL, file, error);
}

td_status plant_table_fill(plant *p, size_t number, plant_stamper stamp, td_error *error) {
    const td_images *images = &p->measured->images;
    const size_t size = td_image_size(images), batch = td_size_min(p->batch, images->count);
    td_images *table;
    uint8_t *pixels;
    td_arena arena = {0};
    float *in, *out = NULL;
    TD_TRY(TD_ARENA_NEW(&p->run->arena, 1, &table, "stamped images", error));
    TD_TRY(td_arena_alloc(&p->run->arena, images->count, size, (void **)&pixels, "stamped images",
                          error));
    td_status status = TD_ARENA_NEW(&arena, batch * size, &in, "images", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, batch * size, &out, "images", error);
    for (size_t first = 0; status == TD_OK && first < images->count; first += batch) {
        const size_t count = td_size_min(batch, images->count - first);
        td_feed(images, NULL, first, count, in);
        stamp(p, number, in, first, count, out);
        for (size_t i = 0; i < count * size; i++)
            pixels[first * size + i] = (uint8_t)plant_whole(out[i]);
    }
    td_arena_free(&arena);
    *table = *images;
    table->pixels = pixels;
    p->job->triggers[number].table = table;
    return status;
}

td_status plant_table_stamp(plant *p, size_t number, const td_dataset *data, td_arena *arena,
                            td_images *out, td_error *error) {
    (void)data, (void)arena, (void)error;
    *out = *p->job->triggers[number].table;
    return TD_OK;
}
