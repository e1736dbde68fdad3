/* Removes what was found: which classes are patched, and unlearning (Wang et al. 2019, section
 * VI-C): the model is trained on with clean images, a share of which carry the recovered trigger,
 * as it was found and not as a picture of 8 bits, with their true labels. */
#include "base/size.h"
#include "defend/inspect/cleanse.h"
#include <string.h>

/* Epoch of TD_FOR_CLEANSE, above all classes: which images carry the trigger that is unlearned. */
#define DRAW_SHARE UINT32_MAX

enum { SLICE = 128 };

/* --- stamped images --- */

/* Images numbers[0 ... count) with the recovered trigger of a class, to out [count, size]. */
static td_status stamp(const inspection *in, size_t class, const td_images *images,
                       const uint32_t *numbers, size_t count, uint8_t *out, td_error *error) {
    const size_t size = td_image_size(images);
    const cleanse_found *found = cleanse_find(in, class);
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

td_status cleanse_others(const td_images *images, size_t class, td_arena *arena, uint32_t **numbers,
                         size_t *count, td_error *error) {
    *count = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, numbers, "images", error));
    for (size_t i = 0; i < images->count; i++)
        if ((size_t)images->labels[i] != class)
            (*numbers)[(*count)++] = (uint32_t)i;
    return TD_OK;
}

td_status cleanse_stamp_others(const inspection *in, const td_images *images, size_t class,
                               td_arena *arena, td_images *out, td_error *error) {
    uint32_t *numbers;
    uint8_t *pixels;
    size_t count;
    TD_TRY(cleanse_others(images, class, arena, &numbers, &count, error));
    TD_TRY(defend_gather(images, numbers, count, arena, out, error));
    TD_TRY(td_arena_alloc(arena, count, td_image_size(images), (void **)&pixels, "images", error));
    out->pixels = pixels;
    return stamp(in, class, images, numbers, count, pixels, error);
}

/* --- unlearning --- */

static td_status stamp_share(inspection *in, size_t class, const td_images *images,
                             const uint32_t *numbers, size_t count, uint8_t *pixels,
                             td_error *error) {
    const size_t size = td_image_size(images);
    td_arena arena = {0};
    uint8_t *stamped;
    td_status status = td_arena_alloc(&arena, count, size, (void **)&stamped, "images", error);
    if (status == TD_OK)
        status = stamp(in, class, images, numbers, count, stamped, error);
    for (size_t i = 0; status == TD_OK && i < count; i++)
        memcpy(pixels + numbers[i] * size, stamped + i * size, size);
    td_arena_free(&arena);
    return status;
}

enum { IMAGES, STAMPED };

static const tool_column unlearn_columns[] = {
    [IMAGES] = {"images", "images", TOOL_COUNT},
    [STAMPED] = {"stamped", "of them with a recovered trigger", TOOL_COUNT},
    {0},
};

static const tool_table_kind unlearn_table = {
    .title = "Unlearning", .columns = unlearn_columns, .single = true};

static td_status unlearn(inspection *in, const td_net **net, float **weights, td_error *error) {
    const cleanse *c = in->state;
    inspect_share share = {
        .share = c->options->share,
        .order = td_random_for(in->run->common->seed, TD_FOR_CLEANSE, DRAW_SHARE, 0),
        .classes = c->patched,
        .count = c->patched_count,
        .stamp = stamp_share,
    };
    td_images images;
    size_t stamped;
    tool_table *table;
    tool_cell *row;
    TD_TRY(inspect_stamp_share(in, &in->images, &share, &images, &stamped, error));
    *net = &in->model.net;
    TD_TRY(inspect_tune(in, &c->options->tune, "unlearning", &images, weights, error));
    TD_TRY(tool_run_set(in->run, "patch",
                        json_pack("{ss so}", "how", "unlearn", "classes", cleanse_patched_json(in)),
                        error));
    TD_TRY(inspect_patch_table(in, &unlearn_table, &table, error));
    TD_TRY(tool_run_row(in->run, table, &row, error));
    tool_cell_count(&row[IMAGES], images.count);
    tool_cell_count(&row[STAMPED], stamped);
    return TD_OK;
}

/* --- all --- */

json_t *cleanse_patched_json(const inspection *in) {
    const cleanse *c = in->state;
    json_t *numbers = json_array();
    for (size_t i = 0; i < c->patched_count; i++)
        json_array_append_new(numbers, json_integer((json_int_t)c->patched[i]));
    return numbers;
}

static td_status choose_patched(inspection *in, td_error *error) {
    cleanse *c = in->state;
    const char *list = c->options->patch_classes;
    size_t *numbers, count = 0;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, in->class_count, &c->patched, "classes", error));
    if (list)
        TD_TRY(inspect_list_classes("--patch-classes", list, td_net_classes(&in->model.net),
                                    &in->run->arena, &numbers, &count, error));
    for (size_t i = 0; i < in->found.count; i++) {
        const finding *f = &in->found.list[i];
        bool wanted = !list && f->flagged;
        for (size_t k = 0; k < count; k++)
            wanted |= numbers[k] == f->class;
        if (wanted && f->found)
            c->patched[c->patched_count++] = f->class;
    }
    if (list && c->patched_count < count)
        return td_fail(error, TD_ERR_USAGE,
                       "--patch-classes: expected classes that have a recovered trigger, found "
                       "only %zu of %zu",
                       c->patched_count, count);
    return TD_OK;
}

td_status cleanse_apply_patch(inspection *in, td_error *error) {
    const cleanse *c = in->state;
    if (!c->options->patches)
        return TD_OK;
    TD_TRY(choose_patched(in, error));
    if (c->patched_count == 0) {
        tool_run_note(in->run, "note: no class is flagged, so there is nothing to patch; "
                               "--patch-classes LIST names classes");
        return TD_OK;
    }
    if (c->options->patch == CLEANSE_FILTER)
        return cleanse_filter(in, error);
    return inspect_patch(in, c->options->patch == CLEANSE_PRUNE ? cleanse_prune : unlearn, error);
}
