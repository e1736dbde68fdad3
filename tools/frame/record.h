/* SPDX-License-Identifier: MIT */
/* The record: one JSON object per run with its options, inputs and results. Fields that vary from
 * run to run (wall time, threads) are kept apart under `timing`. */
#ifndef TOOLS_FRAME_RECORD_H
#define TOOLS_FRAME_RECORD_H

#include "base/error.h"
#include "base/json_build.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "frame/options.h"
#include "measure/rates.h"
#include "nn/passes.h"

typedef struct tool_record {
    json_t *root;     /* the tool adds its own fields here, with */
    td_json json;     /* this builder; its failure is the run's */
    double began;     /* monotonic seconds */
    td_passes passes; /* at the start */
    struct tool_input *inputs;
} tool_record;

/* Starts a record: tool, version, kernel, blas_core, seed, options, inputs, outputs. `options`
 * (ownership is taken, on failure too) is a JSON object without options that cannot change a result
 * (--threads, --quiet, paths of outputs). On failure record->root is NULL. */
td_status tool_record_start(tool_record *record, const char *tool, const tool_common *common,
                            json_t *options, td_error *error) TD_MUST_USE;

/* Adds {"path", "sha256"} of a file to `inputs`, once per file; call it before reading the file. */
td_status tool_record_input(tool_record *record, const char *path, td_error *error) TD_MUST_USE;

/* Adds the kind of model to a file of the inputs: {"path", "sha256", "kind"}. */
void tool_record_kind(tool_record *record, const char *path, const char *kind);

/* After reading: TD_ERR_IO if the file has changed since it was recorded. */
td_status tool_record_was_read(const tool_record *record, const char *path,
                               td_error *error) TD_MUST_USE;

/* The same as tool_record_input for a file that was already opened, and had this stamp before. */
td_status tool_record_opened(tool_record *record, const char *path, const td_file_stamp *before,
                             td_error *error) TD_MUST_USE;

/* The same for a file whose digest was computed while reading it. */
td_status tool_record_digested(tool_record *record, const char *path, const td_digest *digest,
                               td_error *error) TD_MUST_USE;

/* The digest of a recorded file; NULL if it is not recorded. */
const td_digest *tool_record_digest(const tool_record *record, const char *path);

/* At the end of the work: TD_ERR_IO if a file that was read until now, such as a set's pixels, was
 * modified. Replacing a file by another does not matter. */
td_status tool_record_check_inputs(const tool_record *record, td_error *error) TD_MUST_USE;

/* Adds {"file": name, "sha256"} to `outputs`. `name` is relative to the tool's -o, so that a record
 * does not depend on its location. */
void tool_record_output(tool_record *record, const char *name, const td_digest *digest);

/* Adds {"path", "files", "sha256"} of picture files below a folder to `inputs`: their number, and
 * one checksum of all (td_listing_digest). From `remarks`, which may be NULL, also the numbers of
 * pictures that were "turned", "transparent", "lost_on_ground" and "from_cmyk", unless 0. Each
 * folder is added once. */
void tool_record_folder(tool_record *record, const char *path, size_t files,
                        const td_digest *digest, const td_remarks *remarks);

/* All files of a data set as inputs, as they were when opened. */
td_status tool_record_dataset(tool_record *record, const td_dataset *set,
                              td_error *error) TD_MUST_USE;

/* The last step before a record is written: adds `timing` {"seconds", "threads", "processor",
 * "cores",
 * "image_passes" {"forward", "backward"}}, and fails if anything was left out of the record. */
td_status tool_record_time(tool_record *record, td_error *error) TD_MUST_USE;

/* Whether the record goes to standard output, so that nothing else may be printed there. */
bool tool_record_to_stdout(const tool_common *common);

/* Writes the finished record; messages call the stream `name`. */
td_status tool_record_write(const tool_record *record, FILE *stream, const char *name,
                            td_error *error) TD_MUST_USE;

/* Accepts a zeroed record. */
void tool_record_free(tool_record *record);

/* TD_ERR_MEMORY if anything was left out of the record so far. */
td_status tool_record_check(const tool_record *record, td_error *error) TD_MUST_USE;

/* Sets NAME to the rate's value, NAME_interval to [low, high] and NAME_count to [hits, trials]. */
void tool_json_rate(td_json *json, json_t *object, const char *name, const td_rate *rate);
void tool_json_interval(td_json *json, json_t *object, const char *name,
                        td_interval interval); /* only that */

/* Reads NAME_count back; false if it is not [hits, trials] with no more hits than trials. */
bool tool_json_take_rate(const json_t *object, const char *name, td_rate *rate);

#endif
