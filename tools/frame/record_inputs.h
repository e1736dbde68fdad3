/* SPDX-License-Identifier: MIT */
/* A record's data about the input files, besides its JSON. */
#ifndef TOOLS_FRAME_RECORD_INPUTS_H
#define TOOLS_FRAME_RECORD_INPUTS_H

#include "base/sha256.h"

typedef struct tool_input {
    char *path;
    td_digest digest;
    td_file_stamp stamp; /* when the digest was computed */
    bool is_mapped;      /* it is read until the end of the work */
    struct tool_input *next;
} tool_input;

void tool_inputs_free(tool_input *inputs); /* accepts NULL */

#endif
