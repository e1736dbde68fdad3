#include "frame/output.h"

#include <string.h>

td_status tool_output_try(td_output *output, const char *path, bool force, td_error *error) {
    TD_TRY(td_output_open(output, path, force, error));
    if (output->temporary)
        td_output_discard(output);
    return TD_OK;
}

td_status tool_output_reopen(td_output *output, const char *path, bool force, td_error *error) {
    return output->stream ? TD_OK : td_output_open(output, path, force, error);
}

td_status tool_output_record(const td_output *output, tool_record *record, td_error *error) {
    if (!output->temporary)
        return TD_OK;
    const char *slash = strrchr(output->path, '/');
    return tool_record_output(record, slash ? slash + 1 : output->path, output->temporary, error);
}
