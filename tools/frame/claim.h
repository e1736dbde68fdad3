/* SPDX-License-Identifier: MIT */
/* One run at a time writes an output. The claim on a name is a socket's in Linux's abstract
 * namespace: it goes with the process, whatever ends it, and leaves no file. Runs on different
 * hosts or in different containers do not see each other's; there, what publishes last still finds
 * the other's file in its way, and nothing is mixed but by --force. */
#ifndef TOOLS_FRAME_CLAIM_H
#define TOOLS_FRAME_CLAIM_H

#include "base/sha256.h"
#include <stdbool.h>

typedef struct tool_claim {
    td_digest name; /* of the folder that the file is in, and its name there */
    int socket;     /* negative: the system has no such sockets */
    struct tool_claim *next;
} tool_claim;

/* What a file or folder is called, however the path to it is written. TD_ERR_IO for a folder that
 * is not there. */
td_status tool_claim_name(td_digest *name, const char *path, td_error *error) TD_MUST_USE;

/* Claims claim->name; TD_ERR_IO, with words for `path`, if another run has it. */
td_status tool_claim_take(tool_claim *claim, const char *path, td_error *error) TD_MUST_USE;

void tool_claim_release(tool_claim *claim);

#endif
