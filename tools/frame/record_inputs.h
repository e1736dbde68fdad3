/* SPDX-License-Identifier: MIT */
/* What a record knows of the files that were read, besides its JSON. */
#ifndef TOOLS_FRAME_RECORD_INPUTS_H
#define TOOLS_FRAME_RECORD_INPUTS_H

#include "base/sha256.h"

typedef struct tool_input {
    char *path;
    td_digest digest;
    td_file_stamp stamp; /* when its bytes had that digest */
    bool is_mapped;      /* it is read until the end of the work */
    struct tool_input *next;
} tool_input;

void tool_inputs_free(tool_input *inputs); /* takes NULL as well */

#endif
