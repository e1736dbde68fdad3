/* Removes what was found: which classes are patched, and unlearning (Wang et al. 2019, section
 * VI-C): the model is trained on with clean images, a share of which carry the recovered trigger,
 * as it was found and not as a picture of 8 bits, with their true labels. */
#include "defend/inspect/cleanse.h"
#include <string.h>

/* Epoch of TD_FOR_CLEANSE, above all classes: which images carry the trigger that is unlearned. */
#define DRAW_SHARE UINT32_MAX

/* --- stamped images --- */

static void stamp(const inspection *in, size_t class, size_t i, uint8_t *pixels) {
    const inspect_trigger trigger = findings_find(&in->found, class)->trigger;
    (void)i;
    for (size_t k = 0; k < td_shape_size(in->shape); k++) {
        const float x = pixels[k], m = trigger.mask[k / in->shape.channels];
        pixels[k] = (uint8_t)(x + m * (trigger.pattern[k] - x) + 0.5F);
    }
}

td_status cleanse_gather_others(const td_images *images, size_t class, td_arena *arena,
                                td_images *out, td_error *error) {
    uint32_t *numbers;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &numbers, "images", error));
    for (size_t i = 0; i < images->count; i++)
        if ((size_t)images->labels[i] != class)
            numbers[count++] = (uint32_t)i;
    return defend_gather(images, numbers, count, arena, out, error);
}

td_status cleanse_stamp_others(const inspection *in, const td_images *images, size_t class,
                               td_arena *arena, td_images *out, td_error *error) {
    const size_t size = td_image_size(images);
    uint8_t *pixels;
    TD_TRY(cleanse_gather_others(images, class, arena, out, error));
    TD_TRY(td_arena_alloc(arena, out->count, size, (void **)&pixels, "images", error));
    memcpy(pixels, out->pixels, out->count * size);
    for (size_t i = 0; i < out->count; i++)
        stamp(in, class, i, pixels + i * size);
    out->pixels = pixels;
    return TD_OK;
}

/* --- unlearning --- */

typedef struct unlearned {
    const char *how;
    tool_list classes;
    size_t images, stamped;
} unlearned;

#define AT(field) offsetof(unlearned, field)

static const tool_column unlearn_columns[] = {
    {"how", NULL, TOOL_TEXT, AT(how)},
    {"classes", NULL, TOOL_LIST, AT(classes)},
    {"images", "images", TOOL_COUNT, AT(images)},
    {"stamped", "of them with a recovered trigger", TOOL_COUNT, AT(stamped)},
    {0},
};

static const tool_table_kind unlearn_table = {
    .title = "Unlearning", .columns = unlearn_columns, .row = sizeof(unlearned), .single = true};

static td_status unlearn(inspection *in, const td_net **net, float **weights, td_error *error) {
    const cleanse *c = in->state;
    inspect_unlearning how = {
        .tune = &c->options->tune,
        .what = "unlearning",
        .share = c->options->share,
        .order = td_random_for(in->run->common->seed, TD_FOR_CLEANSE, DRAW_SHARE, 0),
        .classes = c->patched,
        .class_count = c->patched_count,
        .stamp = stamp,
    };
    unlearned row = {.how = "unlearn", .images = in->images.count};
    *net = &in->model.net;
    TD_TRY(inspect_unlearn(in, &in->images, &how, weights, &row.stamped, error));
    TD_TRY(inspect_list(in, c->patched, c->patched_count, &row.classes, error));
    return tool_run_rows(in->run, &unlearn_table, "/patch", &row, 1, error);
}

/* --- all --- */

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
