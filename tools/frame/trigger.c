#include "frame/trigger.h"

#include <stdio.h>

td_status tool_trigger_bind(td_trigger *trigger, const td_images *images, bool quiet,
                            td_error *error) {
    TD_TRY(td_trigger_bind(trigger, images, error));
    const char *note = td_trigger_note(trigger);
    if (!note || quiet)
        return TD_OK;
    char line[sizeof(td_error)];
    snprintf(line, sizeof line, "note: trigger '%s': %s", td_trigger_text(trigger), note);
    tool_note(line);
    return TD_OK;
}

td_status tool_trigger_record(const td_trigger *trigger, tool_record *record, td_error *error) {
    const char *file;
    for (size_t i = 0; (file = td_trigger_file(trigger, i)); i++)
        TD_TRY(tool_record_input(record, file, error));
    return TD_OK;
}
