/* The pictures of --pictures DIR: model-M-confusion.png, model-M-targets.png, and for each trigger
 * model-M-trigger-T-pairs.png and model-M-trigger-T-samples.png. */
#include "base/size.h"
#include "data/difference.h"
#include "data/png.h"
#include "data/sheet.h"
#include "eval/eval.h"
#include "eval/heat_map.h"
#include "measure/similarity.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 10, COLUMNS = 3, CAPTION = 64 };

static void name_confusion(char name[64], size_t model) {
    snprintf(name, 64, "model-%zu-confusion.png", model);
}

td_status eval_pictures_open(eval_job *job, td_error *error) {
    tool_outputs *outputs = &job->run->outputs;
    char name[64];
    if (!job->settings->pictures)
        return TD_OK;
    TD_TRY(tool_outputs_folder(outputs, job->settings->pictures, error));
    for (size_t i = 0; i < job->settings->models.count; i++) {
        name_confusion(name, i);
        TD_TRY(tool_outputs_check_name(outputs, name, error));
    }
    return TD_OK;
}

/* Writes the bitmap and frees it. */
static td_status write_picture(eval_job *job, const char *name, td_bitmap *bitmap,
                               td_error *error) {
    FILE *stream;
    td_status status = tool_outputs_add(&job->run->outputs, name, &stream, error);
    if (status == TD_OK)
        status = td_png_write(stream, bitmap, error);
    if (status == TD_OK)
        status = tool_outputs_finish(&job->run->outputs, &job->run->record, error);
    td_bitmap_free(bitmap);
    return status;
}

static td_status draw_counts(eval_job *job, const char *name, const char *title,
                             const size_t *counts, size_t classes, td_error *error) {
    td_bitmap bitmap;
    /* A net may tell more classes apart than the data name. */
    bool named = job->data.class_names && job->data.images.classes == classes;
    TD_TRY(heat_map_draw(&bitmap, title, counts, classes, named ? job->data.class_names : NULL,
                         error));
    return write_picture(job, name, &bitmap, error);
}

td_status eval_picture_confusion(eval_job *job, size_t model, const char *title,
                                 const size_t *counts, size_t classes, td_error *error) {
    char name[64];
    if (!job->settings->pictures)
        return TD_OK;
    name_confusion(name, model);
    return draw_counts(job, name, title, counts, classes, error);
}

td_status eval_picture_pairs(eval_job *job, size_t model, size_t trigger, const char *title,
                             const size_t *counts, size_t classes, td_error *error) {
    char name[64];
    if (!job->settings->pictures)
        return TD_OK;
    snprintf(name, sizeof name, "model-%zu-trigger-%zu-pairs.png", model, trigger);
    return draw_counts(job, name, title, counts, classes, error);
}

td_status eval_picture_targets(eval_job *job, size_t model, const char *title, const size_t *counts,
                               size_t bars, td_error *error) {
    char name[64];
    td_bitmap bitmap;
    if (!job->settings->pictures)
        return TD_OK;
    snprintf(name, sizeof name, "model-%zu-targets.png", model);
    TD_TRY(histogram_draw(&bitmap, title, counts, bars, error));
    return write_picture(job, name, &bitmap, error);
}

/* The first image of each class, class by class, then the second of each, and so on. */
static size_t choose_samples(const td_images *images, size_t *chosen) {
    size_t count = 0;
    for (size_t turn = 0; count < td_size_min(SAMPLES, images->count); turn++)
        for (size_t c = 0; c < images->classes && count < SAMPLES; c++) {
            size_t place = turn;
            for (size_t i = 0; i < images->count; i++)
                if ((size_t)images->labels[i] == c && place-- == 0) {
                    chosen[count++] = i;
                    break;
                }
        }
    return count;
}

/* What is drawn: cells with their captions. */
typedef struct page {
    td_sheet_cell cells[SAMPLES * COLUMNS];
    char captions[SAMPLES * COLUMNS][CAPTION];
    uint8_t *stamped, *differences; /* [SAMPLES, image] */
    void *scratch;                  /* of the trigger */
    td_arena arena;
} page;

static void name_class(const eval_job *job, int32_t label, char *text) {
    if (job->data.class_names && (size_t)label < job->data.images.classes)
        snprintf(text, CAPTION, "%s", job->data.class_names[label]);
    else
        snprintf(text, CAPTION, "class %d", (int)label);
}

static void fill_row(page *p, const eval_job *job, const td_trigger *trigger, size_t row,
                     size_t image, int32_t predicted) {
    const td_images *images = &job->data.images;
    const size_t size = td_image_size(images);
    const uint8_t *clean = td_image(images, image);
    uint8_t *stamped = p->stamped + row * size, *difference = p->differences + row * size;
    td_stamp stamp = {job->run->common->seed, job->data.first + image};
    memcpy(stamped, clean, size);
    td_trigger_apply(trigger, stamp, stamped, p->scratch);
    int found = td_linf(clean, stamped, size), largest = found > 1 ? found : 1;
    td_difference_draw(clean, stamped, size, TD_DIFFERENCE_TIMES, largest, difference);
    char(*captions)[CAPTION] = p->captions + row * COLUMNS;
    name_class(job, images->labels[image], captions[0]);
    name_class(job, predicted, captions[1]);
    snprintf(captions[2], CAPTION, "up to %d", largest);
    const uint8_t *pixels[COLUMNS] = {clean, stamped, difference};
    for (size_t i = 0; i < COLUMNS; i++)
        p->cells[row * COLUMNS + i] = (td_sheet_cell){pixels[i], captions[i]};
}

static td_status draw_samples(page *p, const eval_job *job, const td_trigger *trigger,
                              const int32_t *predicted, td_bitmap *bitmap, td_error *error) {
    static const char *const headings[COLUMNS] = {"clean", "the model says", "difference"};
    const td_images *images = &job->data.images;
    size_t chosen[SAMPLES], size = td_image_size(images);
    size_t rows = choose_samples(images, chosen);
    TD_TRY(td_arena_alloc(&p->arena, rows, size, (void **)&p->stamped, "samples", error));
    TD_TRY(td_arena_alloc(&p->arena, rows, size, (void **)&p->differences, "samples", error));
    TD_TRY(
        td_arena_alloc(&p->arena, td_trigger_scratch(trigger), 1, &p->scratch, "samples", error));
    for (size_t row = 0; row < rows; row++)
        fill_row(p, job, trigger, row, chosen[row], predicted[chosen[row]]);
    td_sheet sheet = {rows,     COLUMNS, images->height, images->width, images->channels,
                      p->cells, headings};
    return td_sheet_draw(bitmap, &sheet, error);
}

td_status eval_picture_samples(eval_job *job, size_t model, size_t trigger,
                               const int32_t *predicted, td_error *error) {
    page p = {0};
    td_bitmap bitmap;
    char name[64];
    if (!job->settings->pictures)
        return TD_OK;
    td_status status =
        draw_samples(&p, job, job->backdoors[trigger].trigger, predicted, &bitmap, error);
    td_arena_free(&p.arena);
    TD_TRY(status);
    snprintf(name, sizeof name, "model-%zu-trigger-%zu-samples.png", model, trigger);
    return write_picture(job, name, &bitmap, error);
}
