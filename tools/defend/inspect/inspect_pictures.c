/* SPDX-License-Identifier: MIT */
/* Writes recovered triggers as pictures. */
#include "data/png.h"
#include "defend/inspect/inspect.h"
#include <stdio.h>

enum { NAME_SIZE = 64, KINDS = 4 };

static const struct {
    const char *name;
    bool pattern, mask, change;
} kinds[KINDS] = {{"mask", .mask = true},
                  {"pattern", .pattern = true},
                  {"trigger", .pattern = true, .mask = true},
                  {"change", .change = true}};

/* Whether a trigger has a picture of that kind. */
static bool has(const inspect_trigger *trigger, size_t kind) {
    return kinds[kind].change ? trigger->change != NULL : trigger->mask != NULL;
}

/* The suffix of a picture's name. A map has no class, so its position in the list of findings is
 * used. */
static void name_finding(const findings *f, const finding *of, char name[NAME_SIZE]) {
    if (f->about == FINDING_PAIR)
        snprintf(name, NAME_SIZE, "%zu-%zu", of->source, of->class);
    else
        snprintf(name, NAME_SIZE, "%zu",
                 f->about == FINDING_MAP ? (size_t)(of - f->list) : of->class);
}

td_status inspect_claim_folder(inspection *in, td_error *error) {
    return in->settings->folder
               ? tool_outputs_folder(&in->run->outputs, in->settings->folder, error)
               : TD_OK;
}

td_status inspect_check_pictures(inspection *in, td_error *error) {
    tool_outputs *outputs = &in->run->outputs;
    char name[NAME_SIZE];
    if (!in->settings->folder || in->found.about != FINDING_CLASS)
        return TD_OK;
    for (size_t i = 0; i < in->class_count; i++)
        for (size_t k = 0; k < KINDS; k++) {
            snprintf(name, sizeof name, "%s-%zu.png", kinds[k].name, in->classes[i]);
            TD_TRY(tool_outputs_check_name(outputs, name, error));
        }
    return TD_OK;
}

static uint8_t to_byte(float value) {
    return (uint8_t)(fminf(fmaxf(value, 0), 255) + 0.5F);
}

/* The grey on which a change is drawn. */
static const float GROUND = 128;

/* Draws [height, width, channels]: the pattern's channels, then, for trigger-K.png, the mask as
 * alpha; for the mask alone no pattern channels. */
static td_status draw(td_shape shape, const inspect_trigger *trigger, size_t kind,
                      td_bitmap *bitmap, td_error *error) {
    const size_t colours = kinds[kind].pattern || kinds[kind].change ? shape.channels : 0;
    const size_t channels = colours + kinds[kind].mask;
    const size_t places = shape.height * shape.width;
    TD_TRY(td_bitmap_make(bitmap, shape.width, shape.height, channels, error));
    for (size_t i = 0; i < places; i++) {
        uint8_t *pixel = bitmap->pixels + i * channels;
        for (size_t c = 0; c < colours; c++)
            pixel[c] = to_byte(kinds[kind].change ? GROUND + trigger->change[i * colours + c]
                                                  : trigger->pattern[i * colours + c]);
        if (kinds[kind].mask)
            pixel[colours] = to_byte(255 * trigger->mask[i]);
    }
    return TD_OK;
}

static td_status write_picture(tool_run *run, td_shape shape, const inspect_trigger *trigger,
                               size_t kind, const char *name, td_error *error) {
    FILE *stream;
    td_bitmap bitmap = {0};
    TD_TRY(tool_outputs_add(&run->outputs, name, &stream, error));
    td_status status = draw(shape, trigger, kind, &bitmap, error);
    if (status == TD_OK)
        status = td_name_stream(error, td_png_write(stream, &bitmap, error), stream, name);
    td_bitmap_free(&bitmap);
    TD_TRY(status);
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

td_status inspect_write_finding(tool_run *run, td_shape shape, const findings *f, const finding *of,
                                td_error *error) {
    char suffix[NAME_SIZE], name[2 * NAME_SIZE];
    name_finding(f, of, suffix);
    for (size_t k = 0; k < KINDS; k++) {
        snprintf(name, sizeof name, "%s-%s.png", kinds[k].name, suffix);
        if (has(&of->trigger, k))
            TD_TRY(write_picture(run, shape, &of->trigger, k, name, error));
    }
    return TD_OK;
}

td_status inspect_write_pictures(inspection *in, td_error *error) {
    for (size_t i = 0; i < in->found.count && in->settings->folder; i++)
        TD_TRY(inspect_write_finding(in->run, in->shape, &in->found, &in->found.list[i], error));
    return TD_OK;
}
