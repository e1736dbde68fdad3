/* SPDX-License-Identifier: MIT */
/* OUTPUT.checkpoint, a safetensors file beside a run's output: it keeps the work of a run that does
 * not end, for --resume. Its metadata say what the work is, so that no other is gone on with. */
#ifndef TOOLS_FRAME_CHECKPOINT_H
#define TOOLS_FRAME_CHECKPOINT_H

#include "data/safetensors.h"
#include "frame/run.h"

/* Of td_json_print, for what is kept in one: with digits that give a double back. */
enum { TOOL_CHECKPOINT_JSON = JSON_COMPACT | JSON_REAL_PRECISION(17) };

typedef struct tool_checkpoint {
    const char *key;  /* of the metadata, a JSON object: "trapdoor.checkpoint" */
    const char *work; /* "training": in messages, and the field of that object with the identity */
    const char *path; /* NULL where none is kept: the output goes to a device */
    json_t *identity; /* what decides about the bytes of the result (identity.h); the caller frees
                         it */
} tool_checkpoint;

/* Before the work: sets the path. TD_ERR_USAGE for a checkpoint that is there, unless --resume or
 * --force says what to do with it. */
td_status tool_checkpoint_name(tool_checkpoint *checkpoint, tool_run *run, bool resume,
                               td_error *error) TD_MUST_USE;

/* Replaces the file, unless building `head` failed. The metadata are `head` (taken) with the
 * identity, and `more`, which may be NULL. */
td_status tool_checkpoint_write(const tool_checkpoint *checkpoint, td_json *json, json_t *head,
                                const td_metadata *more, const td_tensor *tensors,
                                size_t tensor_count, td_error *error) TD_MUST_USE;

/* Takes the work from a checkpoint; `head` is what it was written with. */
typedef td_status (*tool_checkpoint_fn)(void *context, const json_t *head,
                                        const td_safetensors *file, td_error *error);

/* Calls `take`, if the file is there. TD_ERR_USAGE, naming what differs, if it is of other work;
 * TD_ERR_FORMAT if it is no checkpoint. */
td_status tool_checkpoint_read(const tool_checkpoint *checkpoint, tool_checkpoint_fn take,
                               void *context, td_error *error) TD_MUST_USE;

#endif
