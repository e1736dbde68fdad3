#include "defend/inspect/old_inspect.h"

#include "data/png.h"
#include "measure/mad.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 64 };

/* --- the verdict --- */

static td_status find_spread(const inspect_class *classes, size_t count, inspect_spread spread,
                             inspect_verdict *v, td_error *error) {
    double *sizes = calloc(2 * count + 1, sizeof *sizes);
    if (!sizes)
        return td_fail_memory(error, "sizes of triggers");
    double *scratch = sizes + count;
    *v = (inspect_verdict){0};
    for (size_t i = 0; i < count; i++)
        if (classes[i].found)
            sizes[v->judged++] = classes[i].size;
    if (v->judged > 0) {
        v->median = td_median(sizes, v->judged, scratch);
        v->mad = spread == INSPECT_DOUBLE_MAD ? td_mad_below(sizes, v->judged, v->median, scratch)
                                              : td_mad(sizes, v->judged, v->median, scratch);
    }
    v->given = v->judged >= INSPECT_LEAST;
    free(sizes);
    return TD_OK;
}

td_status inspect_judge(inspect_class *classes, size_t count, inspect_spread spread,
                        inspect_verdict *verdict, td_error *error) {
    TD_TRY(find_spread(classes, count, spread, verdict, error));
    for (size_t i = 0; i < count; i++) {
        inspect_class *class = &classes[i];
        const bool judged = class->found && verdict->given;
        class->index = judged ? td_anomaly_index(class->size, verdict->median, verdict->mad) : NAN;
        class->flagged = judged && td_is_small_outlier(class->size, verdict->median, verdict->mad);
        verdict->flagged += class->flagged;
    }
    return TD_OK;
}

const inspect_class *inspect_largest(const inspect_class *classes, size_t count,
                                     const inspect_verdict *verdict) {
    const inspect_class *largest = NULL;
    for (size_t i = 0; i < count; i++) {
        const inspect_class *class = &classes[i];
        if (class->found && verdict->given && class->size > verdict->median &&
            class->index > TD_ANOMALY_CUTOFF && (!largest || class->size > largest->size))
            largest = class;
    }
    return largest;
}

/* --- telling --- */

/* JSON has no infinity and no NaN. */
static json_t *finite_or_null(bool there, double value) {
    return there && isfinite(value) ? json_real(value) : json_null();
}

static json_t *class_json(const inspect_class *class) {
    json_t *entry =
        json_pack("{sI sb}", "class", (json_int_t) class->number, "found", (int)class->found);
    tool_json_rate(entry, "asr", &class->asr);
    json_object_set_new(entry, "size", finite_or_null(class->found, class->size));
    json_object_set_new(entry, "index", finite_or_null(class->found, class->index));
    json_object_set_new(entry, "flagged", json_boolean(class->flagged));
    return entry;
}

td_status inspect_record(tool_record *record, const inspect_class *classes, size_t count,
                         const inspect_verdict *v, td_error *error) {
    json_t *entries = json_array(), *flagged = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(entries, class_json(&classes[i]));
        if (classes[i].flagged)
            json_array_append_new(flagged, json_integer((json_int_t)classes[i].number));
    }
    json_object_set_new(record->root, "median", finite_or_null(v->judged > 0, v->median));
    json_object_set_new(record->root, "mad", finite_or_null(v->judged > 0, v->mad));
    json_object_set_new(record->root, "flagged", flagged);
    return json_object_set_new(record->root, "classes", entries) == 0
               ? TD_OK
               : td_fail_memory(error, "the record");
}

void inspect_print(const inspect_class *classes, size_t count, const inspect_verdict *v,
                   const char *unit) {
    for (size_t i = 0; i < count; i++) {
        const inspect_class *class = &classes[i];
        printf("  class %3zu  ", class->number);
        if (!class->found) {
            printf("no trigger found  ASR %.2f %%\n", 100 * class->asr.value);
            continue;
        }
        printf("size %9.2f %s  ASR %6.2f %%", class->size, unit, 100 * class->asr.value);
        if (v->given)
            printf("  index %5.2f%s", class->index, class->flagged ? "  FLAGGED" : "");
        putchar('\n');
    }
    if (v->judged > 0)
        printf("  median %.2f %s, MAD %.2f\n", v->median, unit, v->mad);
    printf("  %zu of %zu classes flagged: index above %g, on the small side\n", v->flagged, count,
           TD_ANOMALY_CUTOFF);
}

void inspect_note(const inspect_class *classes, size_t count, const inspect_verdict *v) {
    char line[256];
    if (v->judged < count) {
        size_t first = 0;
        while (classes[first].found)
            first++;
        snprintf(line, sizeof line,
                 "note: %zu of %zu classes, the first of them %zu, have no trigger of the asked "
                 "ASR and take no part in the verdict",
                 count - v->judged, count, classes[first].number);
        tool_note(line);
    }
    if (!v->given) {
        snprintf(line, sizeof line,
                 "warning: expected triggers of at least %d classes for a verdict, found %zu: "
                 "nothing is flagged",
                 (int)INSPECT_LEAST, v->judged);
        tool_note(line);
    } else if (!(v->mad > 0)) {
        tool_note("warning: the MAD is 0, since at least half of the sizes are equal: whatever is "
                  "smaller has an infinite index");
    }
}

/* --- pictures --- */

static uint8_t to_byte(float value) {
    return (uint8_t)(value + 0.5F);
}

/* Draws [height, width, channels] of it: the pattern's channels first, then, for trigger-K.png, the
 * mask as alpha; of the mask alone no pattern channels. */
static td_status draw(const inspect_trigger *trigger, bool pattern, bool mask, td_bitmap *bitmap,
                      td_error *error) {
    const size_t colours = pattern ? trigger->shape.channels : 0, channels = colours + mask;
    const size_t places = trigger->shape.height * trigger->shape.width;
    TD_TRY(td_bitmap_make(bitmap, trigger->shape.width, trigger->shape.height, channels, error));
    for (size_t i = 0; i < places; i++) {
        uint8_t *pixel = bitmap->pixels + i * channels;
        for (size_t c = 0; c < colours; c++)
            pixel[c] = to_byte(trigger->pattern[i * colours + c]);
        if (mask)
            pixel[colours] = to_byte(255 * trigger->mask[i]);
    }
    return TD_OK;
}

td_status inspect_write_trigger(tool_files *files, tool_record *record, size_t number,
                                const inspect_trigger *trigger, td_error *error) {
    static const struct {
        const char *name;
        bool pattern, mask;
    } pictures[INSPECT_PICTURES] = {
        {"mask", false, true}, {"pattern", true, false}, {"trigger", true, true}};
    for (size_t i = 0; i < INSPECT_PICTURES; i++) {
        char name[NAME_SIZE];
        FILE *stream;
        td_bitmap bitmap = {0};
        snprintf(name, sizeof name, "%s-%zu.png", pictures[i].name, number);
        TD_TRY(tool_files_add(files, name, &stream, error));
        td_status status = draw(trigger, pictures[i].pattern, pictures[i].mask, &bitmap, error);
        if (status == TD_OK)
            status = td_png_write(stream, &bitmap, error);
        td_bitmap_free(&bitmap);
        TD_TRY(status);
        TD_TRY(tool_files_finish(files, record, error));
    }
    return TD_OK;
}
