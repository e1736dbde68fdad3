/* SPDX-License-Identifier: MIT */
#include "frame/trigger.h"

#include "base/size.h"
#include <string.h>

td_status tool_trigger_bind(const tool_run *run, td_trigger *trigger, const td_images *images,
                            size_t first, td_error *error) {
    td_trigger_set_classes(trigger, run->classes.count > 0 ? &run->classes : NULL);
    TD_TRY(td_trigger_bind(trigger, images, first, error));
    if (td_trigger_note(trigger))
        tool_run_note(run, "note: trigger '%s': %s", td_trigger_text(trigger),
                      td_trigger_note(trigger));
    return TD_OK;
}

td_status tool_trigger_record(const td_trigger *trigger, tool_record *record, td_error *error) {
    const char *file;
    for (size_t i = 0; (file = td_trigger_file(trigger, i)); i++)
        TD_TRY(tool_record_opened(record, file, td_trigger_file_stamp(trigger, i), error));
    return TD_OK;
}

td_status tool_trigger_open(tool_run *run, const char *text, const td_images *images, size_t first,
                            td_trigger **out, td_error *error) {
    TD_TRY(td_trigger_parse(out, text, error));
    TD_TRY(tool_trigger_bind(run, *out, images, first, error));
    return tool_trigger_record(*out, &run->record, error);
}

/* The words of a text after `column` characters of the line, in lines of at most 79. */
static void print_wrapped(const char *text, size_t column, FILE *stream) {
    const size_t indent = column;
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (column + 1 + length > 79) {
            fprintf(stream, "\n%*s", (int)indent, "");
            column = indent;
        }
        column += (size_t)fprintf(stream, " %.*s", (int)length, text);
        text += length + strspn(text + length, " ");
    }
    fputc('\n', stream);
}

static void print_key(const td_key *key, size_t width, FILE *stream) {
    char allowed[256], text[1024];
    const char *standard = key->standard ? key->standard : "";
    snprintf(text, sizeof text, "%s: %s%s%s%s", key->help,
             td_key_describe(key, allowed, sizeof allowed), *standard ? " (" : "", standard,
             *standard ? ")" : "");
    fprintf(stream, "    %-*s ", (int)width, key->name);
    print_wrapped(text, width + 5, stream);
}

void tool_triggers_print(FILE *stream) {
    const char *name;
    char doc[256];
    fputs("A trigger is written as its family and the keys that are not at their defaults:\n"
          "  FAMILY[:key=value,...]\n"
          "  square:size=4,at=bottom-right\n"
          "A+B is A, then B on its result; of A|B each image gets one, drawn for it (those\n"
          "that trapdoor-poison selects take turns). It is laid on raw pixels of 0 to 255,\n"
          "which are then clipped and rounded. A default stands in parentheses.\n",
          stream);
    for (size_t i = 0; (name = td_trigger_family_name(i)); i++) {
        size_t width = 0;
        fprintf(stream, "\n%s:\n ", name);
        snprintf(doc, sizeof doc, "%s.", td_trigger_family_doc(i));
        print_wrapped(doc, 1, stream);
        for (const td_key *key = td_trigger_family_keys(i); key->name; key++)
            width = td_size_max(width, strlen(key->name));
        for (const td_key *key = td_trigger_family_keys(i); key->name; key++)
            print_key(key, width, stream);
    }
}
