/* SPDX-License-Identifier: MIT */
#include "frame/picture.h"

#include "data/png.h"
#include "data/sheet.h"
#include "measure/similarity.h"
#include <stdio.h>

td_status tool_run_picture(tool_run *run, const char *path, bool in_folder, td_bitmap *bitmap,
                           td_error *error) {
    FILE *stream;
    td_status status = in_folder ? tool_outputs_add(&run->outputs, path, &stream, error)
                                 : tool_outputs_add_path(&run->outputs, path, &stream, error);
    if (status == TD_OK)
        status = td_name_stream(error, td_png_write(stream, bitmap, error), stream, path);
    if (status == TD_OK)
        status = tool_outputs_finish(&run->outputs, &run->record, error);
    td_bitmap_free(bitmap);
    return status;
}

/* --- samples --- */

enum { COLUMNS = 3, CAPTION = 64 };

static void name_class(const td_dataset *set, int32_t label, char *text) {
    if (set->class_names && (size_t)label < set->images.classes)
        snprintf(text, CAPTION, "%s", set->class_names[label]);
    else
        snprintf(text, CAPTION, "class %d", (int)label);
}

static void fill_row(const td_dataset *set, const tool_sample *sample, td_difference_kind kind,
                     uint8_t *difference, char (*captions)[CAPTION], td_sheet_cell *cells) {
    const uint8_t *pixels[COLUMNS] = {sample->clean, sample->changed, difference};
    const size_t size = td_image_size(&set->images);
    const int found = td_linf(sample->clean, sample->changed, size),
              largest = found > 1 ? found : 1;
    td_difference_draw(sample->clean, sample->changed, size, kind, largest, difference);
    name_class(set, sample->label, captions[0]);
    name_class(set, sample->predicted, captions[1]);
    snprintf(captions[2], CAPTION, "up to %d", largest);
    for (size_t i = 0; i < COLUMNS; i++)
        cells[i] = (td_sheet_cell){pixels[i], captions[i]};
}

static td_status draw(td_bitmap *bitmap, const td_dataset *set, const tool_sample *samples,
                      size_t count, td_difference_kind kind, td_arena *arena, td_error *error) {
    static const char *const headings[COLUMNS] = {"clean", "the model says", "difference"};
    const td_images *images = &set->images;
    const size_t size = td_image_size(images);
    uint8_t *differences;
    char(*captions)[CAPTION];
    td_sheet_cell *cells;
    TD_TRY(td_arena_alloc(arena, count, size, (void **)&differences, "samples", error));
    TD_TRY(TD_ARENA_NEW(arena, count * COLUMNS, &captions, "samples", error));
    TD_TRY(TD_ARENA_NEW(arena, count * COLUMNS, &cells, "samples", error));
    for (size_t i = 0; i < count; i++)
        fill_row(set, &samples[i], kind, differences + i * size, captions + i * COLUMNS,
                 cells + i * COLUMNS);
    const td_sheet sheet = {count, COLUMNS, images->height, images->width, images->channels,
                            cells, headings};
    return td_sheet_draw(bitmap, &sheet, error);
}

td_status tool_samples_draw(td_bitmap *bitmap, const td_dataset *set, const tool_sample *samples,
                            size_t count, td_difference_kind kind, td_error *error) {
    td_arena arena = {0};
    td_status status = draw(bitmap, set, samples, count, kind, &arena, error);
    td_arena_free(&arena);
    return status;
}
