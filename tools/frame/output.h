/* Files that a run writes at its end, but of which it must know at once whether it can. */
#ifndef TOOLS_FRAME_OUTPUT_H
#define TOOLS_FRAME_OUTPUT_H

#include "base/file.h"
#include "frame/record.h"

/* Before the work: TD_ERR_USAGE or TD_ERR_IO for what could not be written. A file is only tried,
 * and *output zeroed again, since a run that is killed must not leave temporary ones; a device or
 * pipe stays open. */
td_status tool_output_try(td_output *output, const char *path, bool force,
                          td_error *error) TD_MUST_USE;

/* After the work: opens what was tried, unless it is open. */
td_status tool_output_reopen(td_output *output, const char *path, bool force,
                             td_error *error) TD_MUST_USE;

/* Takes a finished output into the record's outputs, by its name without the folder: where the user
 * put it is no part of the result. A device is no output to keep, nor one that is zero. */
td_status tool_output_record(const td_output *output, tool_record *record,
                             td_error *error) TD_MUST_USE;

#endif
