/* SPDX-License-Identifier: MIT */
/* Only one run at a time writes an output. A claim is a socket name in Linux's abstract namespace:
 * it vanishes with the process, however that ends, and leaves no file. Runs on different hosts or
 * in different containers do not see each other's claims; there the last to publish still finds the
 * other's file in its way, and files are mixed only with --force. */
#ifndef TOOLS_FRAME_CLAIM_H
#define TOOLS_FRAME_CLAIM_H

#include "base/sha256.h"
#include <stdbool.h>

typedef struct tool_claim {
    td_digest name; /* hash of the folder and the file's name in it */
    bool written;   /* one of the outputs is written there */
    int socket;     /* negative: not held, or the system has no such sockets */
    struct tool_claim *next;
} tool_claim;

/* The claim name of a file or folder, independent of how its path is written. TD_ERR_IO for a
 * missing folder. */
td_status tool_claim_name(td_digest *name, const char *path, td_error *error) TD_MUST_USE;

/* Claims claim->name; TD_ERR_IO, with `path` in the message, if another run holds it. */
td_status tool_claim_take(tool_claim *claim, const char *path, td_error *error) TD_MUST_USE;

void tool_claim_release(tool_claim *claim);

#endif
