#include "base/size.h"
#include "data/sheet.h"
#include "implant/hijack_job.h"
#include <stdio.h>

static json_t *neuron_json(const hijack_job *h, size_t k) {
    const hijack_found *f = &h->found;
    return json_pack("{sI sf sf sf sf sf}", "neuron", (json_int_t)h->order[k], "weight_sum",
                     h->sums[h->order[k]], "value_without", f->without[k], "value_with", f->with[k],
                     "fires_without", f->fires_without[k], "fires_with", f->fires_with[k]);
}

static json_t *chosen_json(const hijack_job *h) {
    json_t *list = json_array();
    for (size_t k = 0; k < h->options->neurons; k++)
        json_array_append_new(list, neuron_json(h, k));
    return list;
}

static json_t *skipped_json(const hijack_job *h) {
    json_t *list = json_array();
    for (size_t k = h->layer.neurons - h->skipped; k < h->layer.neurons; k++)
        json_array_append_new(list, json_integer((json_int_t)h->order[k]));
    return list;
}

static json_t *made_json(const hijack_job *h) {
    json_t *confidence = json_array();
    for (size_t c = 0; c < h->made.classes; c++)
        json_array_append_new(confidence, json_real(h->sure[c]));
    return json_pack("{sI so}", "images", (json_int_t)h->made.count, "confidence", confidence);
}

td_status hijack_report(hijack_job *h, td_error *error) {
    const hijack_mask *m = &h->mask;
    const hijack_found *f = &h->found;
    const size_t all = h->mixed.count;
    h->job.about =
        json_pack("{ss so so s[II] s[II] s{sf sf} so s{sI sf sf}}", "layer", h->layer.name,
                  "neurons", chosen_json(h), "skipped", skipped_json(h), "at", (json_int_t)m->left,
                  (json_int_t)m->top, "size", (json_int_t)m->width, (json_int_t)m->height, "search",
                  "first_loss", f->first_loss, "last_loss", f->last_loss, "inversion", made_json(h),
                  "retraining", "images", (json_int_t)all, "loss", h->retrained.loss, "accuracy",
                  (double)h->retrained.correct / (double)all);
    if (!h->job.about)
        return td_fail_memory(error, "the record");
    json_object_set(h->job.record.root, "hijack", h->job.about);
    if (!implant_prints(&h->job))
        return TD_OK;
    printf("%s: %zu neuron%s of %s\n", h->job.common->output, h->options->neurons,
           h->options->neurons == 1 ? "" : "s", h->layer.name);
    for (size_t k = 0; k < h->options->neurons; k++)
        printf("  neuron %u  weights %.2f  value %.2f, with the trigger %.2f\n", h->order[k],
               h->sums[h->order[k]], f->without[k], f->with[k]);
    return TD_OK;
}

enum { ROWS = 10, EACH = 4, COLUMNS = 2 * EACH, CAPTION = 32 };

typedef struct page {
    td_sheet_cell cells[ROWS * COLUMNS];
    char captions[ROWS][CAPTION];
} page;

/* A row for each class, or for the first ones: images as they were made, then with the trigger. */
static td_status draw_sheet(const hijack_job *h, page *p, const uint8_t *stamped, td_bitmap *bitmap,
                            td_error *error) {
    static const char *const headings[COLUMNS] = {"inverted",     "", "", "",
                                                  "with trigger", "", "", ""};
    const td_images *images = &h->made;
    const size_t rows = td_size_min(ROWS, images->classes), each = h->options->images;
    for (size_t row = 0; row < rows; row++) {
        snprintf(p->captions[row], CAPTION, "class %zu", row);
        for (size_t i = 0; i < COLUMNS; i++) {
            if (i % EACH >= each)
                continue;
            const size_t image = row * each + i % EACH;
            p->cells[row * COLUMNS + i] = (td_sheet_cell){
                i < EACH ? td_image(images, image) : stamped + image * td_image_size(images),
                i % EACH == 0 ? p->captions[row] : NULL};
        }
    }
    const td_sheet sheet = {rows,     COLUMNS, images->height, images->width, images->channels,
                            p->cells, headings};
    return td_sheet_draw(bitmap, &sheet, error);
}

td_status hijack_draw(hijack_job *h, td_error *error) {
    implant_trigger *trigger = &h->job.triggers[0];
    td_arena *arena = &h->job.arena;
    uint8_t *stamped;
    page *p;
    trigger->left = h->mask.left;
    trigger->top = h->mask.top;
    TD_TRY(hijack_mask_draw(&h->mask, h->found.pattern, &trigger->picture, error));
    TD_TRY(TD_ARENA_NEW(arena, 1, &p, "a sheet", error));
    TD_TRY(td_arena_alloc(arena, h->made.count, td_image_size(&h->made), (void **)&stamped,
                          "a sheet", error));
    hijack_stamp_all(&h->mask, h->found.pattern, &h->made, stamped);
    return draw_sheet(h, p, stamped, &h->job.pictures[0].bitmap, error);
}
