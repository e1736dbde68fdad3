/* SPDX-License-Identifier: MIT */
/* Triggers on the command line of all tools. */
#ifndef TOOLS_FRAME_TRIGGER_H
#define TOOLS_FRAME_TRIGGER_H

#include "frame/run.h"
#include "trigger/trigger.h"
#include <stdio.h>

/* td_trigger_bind with the run's classes; prints the trigger's note. */
td_status tool_trigger_bind(const tool_run *run, td_trigger *trigger, const td_images *images,
                            size_t first, td_error *error) TD_MUST_USE;

/* Adds the trigger's files to the record's inputs. */
td_status tool_trigger_record(const td_trigger *trigger, tool_record *record,
                              td_error *error) TD_MUST_USE;

/* Parses, records and binds a trigger. The caller frees *out, which is NULL before. */
td_status tool_trigger_open(tool_run *run, const char *text, const td_images *images, size_t first,
                            td_trigger **out, td_error *error) TD_MUST_USE;

/* The reference of all trigger families and their keys, from their own tables. */
void tool_triggers_print(FILE *stream);

/* The row for it in a family's prints. */
#define TOOL_PRINT_TRIGGERS                                                                        \
    { "help-trigger", "Print the trigger families and their keys", tool_triggers_print }

#endif
