/* Recovered triggers as pictures. */
#include "data/png.h"
#include "defend/inspect/inspect.h"
#include <stdio.h>

enum { NAME_SIZE = 64, KINDS = 3 };

static const struct {
    const char *name;
    bool pattern, mask;
} kinds[KINDS] = {{"mask", false, true}, {"pattern", true, false}, {"trigger", true, true}};

static void name_picture(const inspection *in, size_t kind, const finding *of,
                         char name[NAME_SIZE]) {
    if (in->found.about == FINDING_PAIR)
        snprintf(name, NAME_SIZE, "%s-%zu-%zu.png", kinds[kind].name, of->source, of->class);
    else
        snprintf(name, NAME_SIZE, "%s-%zu.png", kinds[kind].name, of->class);
}

td_status inspect_claim_folder(inspection *in, td_error *error) {
    tool_outputs *outputs = &in->run->outputs;
    if (!in->settings->folder)
        return TD_OK;
    TD_TRY(tool_outputs_folder(outputs, in->settings->folder, error));
    return tool_outputs_claim_folder(outputs, error);
}

td_status inspect_check_pictures(inspection *in, td_error *error) {
    tool_outputs *outputs = &in->run->outputs;
    char name[NAME_SIZE];
    if (!in->settings->folder || in->found.about != FINDING_CLASS)
        return TD_OK;
    for (size_t i = 0; i < in->class_count; i++)
        for (size_t k = 0; k < KINDS; k++) {
            name_picture(in, k, &(finding){.class = in->classes[i]}, name);
            TD_TRY(tool_outputs_check_name(outputs, name, error));
        }
    return TD_OK;
}

static uint8_t to_byte(float value) {
    return (uint8_t)(value + 0.5F);
}

/* Draws [height, width, channels] of it: the pattern's channels first, then, for trigger-K.png, the
 * mask as alpha; of the mask alone no pattern channels. */
static td_status draw(td_shape shape, const inspect_trigger *trigger, size_t kind,
                      td_bitmap *bitmap, td_error *error) {
    const size_t colours = kinds[kind].pattern ? shape.channels : 0;
    const size_t channels = colours + kinds[kind].mask;
    const size_t places = shape.height * shape.width;
    TD_TRY(td_bitmap_make(bitmap, shape.width, shape.height, channels, error));
    for (size_t i = 0; i < places; i++) {
        uint8_t *pixel = bitmap->pixels + i * channels;
        for (size_t c = 0; c < colours; c++)
            pixel[c] = to_byte(trigger->pattern[i * colours + c]);
        if (kinds[kind].mask)
            pixel[colours] = to_byte(255 * trigger->mask[i]);
    }
    return TD_OK;
}

static td_status write_picture(inspection *in, const finding *of, size_t kind, td_error *error) {
    tool_run *run = in->run;
    char name[NAME_SIZE];
    FILE *stream;
    td_bitmap bitmap = {0};
    name_picture(in, kind, of, name);
    TD_TRY(tool_outputs_add(&run->outputs, name, &stream, error));
    td_status status = draw(in->shape, &of->trigger, kind, &bitmap, error);
    if (status == TD_OK)
        status = td_png_write(stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    TD_TRY(status);
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

td_status inspect_write_pictures(inspection *in, td_error *error) {
    for (size_t i = 0; i < in->found.count && in->settings->folder; i++)
        for (size_t k = 0; k < KINDS && in->found.list[i].trigger.mask; k++)
            TD_TRY(write_picture(in, &in->found.list[i], k, error));
    return TD_OK;
}
