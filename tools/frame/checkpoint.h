/* SPDX-License-Identifier: MIT */
/* OUTPUT.checkpoint, a safetensors file beside a run's output: it saves the work of an unfinished
 * run for --resume. Its metadata identify the work, so that no other run continues it. */
#ifndef TOOLS_FRAME_CHECKPOINT_H
#define TOOLS_FRAME_CHECKPOINT_H

#include "data/safetensors.h"
#include "frame/run.h"

/* Flags of td_json_print for values in a checkpoint: enough digits to restore a double. */
enum { TOOL_CHECKPOINT_JSON = JSON_COMPACT | JSON_REAL_PRECISION(17) };

typedef struct tool_checkpoint {
    const char *key;  /* of the metadata, a JSON object: "trapdoor.checkpoint" */
    const char *work; /* "training": for messages, and the object's field with the identity */
    const char *path; /* NULL if no checkpoint is kept: the output is a device */
    json_t
        *identity; /* what determines the bytes of the result (identity.h); the caller frees it */
    const tool_record *record; /* has the inputs */
} tool_checkpoint;

/* Sets the path and claims it; call it before the work. TD_ERR_USAGE for an existing checkpoint,
 * unless --resume or --force says what to do with it, and what tool_outputs_check_own refuses. */
td_status tool_checkpoint_name(tool_checkpoint *checkpoint, tool_run *run, bool resume,
                               td_error *error) TD_MUST_USE;

/* Replaces the file, unless building `head` failed, or an input changed since it was read: that
 * would keep work on other bytes than the record says. The metadata are `head` (ownership is taken)
 * with the identity, and `more`, which may be NULL. */
td_status tool_checkpoint_write(const tool_checkpoint *checkpoint, td_json *json, json_t *head,
                                const td_metadata *more, const td_tensor *tensors,
                                size_t tensor_count, td_error *error) TD_MUST_USE;

/* Whether a checkpoint is due at the end of a step of so many seconds, if the work in the last one
 * is `age` seconds old. Then a kill loses at most half a minute, or a step if that is longer, and
 * what is done while a checkpoint is written; provided that the next step takes no longer. */
bool tool_checkpoint_due(double age, double step);

/* Loads the work from a checkpoint; `head` is the one it was written with. */
typedef td_status (*tool_checkpoint_fn)(void *context, const json_t *head,
                                        const td_safetensors *file, td_error *error);

/* Calls `take` if the file exists. TD_ERR_USAGE, naming the difference, if it is of other work;
 * TD_ERR_FORMAT if it is not a checkpoint. */
td_status tool_checkpoint_read(const tool_checkpoint *checkpoint, tool_checkpoint_fn take,
                               void *context, td_error *error) TD_MUST_USE;

#endif
