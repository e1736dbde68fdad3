/* SPDX-License-Identifier: MIT */
/* The record: one JSON object per run. What was asked, what was read and what came out; what
 * differs from run to run (wall time, threads) stands apart under `timing`. */
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
    json_t *root;     /* the tool adds its own fields here, by */
    td_json json;     /* this builder, whose failure is that of the run */
    double began;     /* monotonic seconds */
    td_passes passes; /* when it began */
    struct tool_input *inputs;
} tool_record;

/* Starts a record: tool, version, kernel, blas_core, seed, options, inputs, outputs. `options`
 * (taken, also on failure) is what was asked, as JSON; what cannot change a result (--threads,
 * --quiet, paths of outputs) stays out of it. On failure record->root is NULL. */
td_status tool_record_start(tool_record *record, const char *tool, const tool_common *common,
                            json_t *options, td_error *error) TD_MUST_USE;

/* Adds {"path", "sha256"} of a file to `inputs`, once however often it is named; before it is read.
 */
td_status tool_record_input(tool_record *record, const char *path, td_error *error) TD_MUST_USE;

/* Says of a file of the inputs what kind of model it is: {"path", "sha256", "kind"}. */
void tool_record_kind(tool_record *record, const char *path, const char *kind);

/* After it was read: TD_ERR_IO if it is not what was recorded any more. */
td_status tool_record_was_read(const tool_record *record, const char *path,
                               td_error *error) TD_MUST_USE;

/* The same for a file that was opened already, and had this stamp before. */
td_status tool_record_opened(tool_record *record, const char *path, const td_file_stamp *before,
                             td_error *error) TD_MUST_USE;

/* The same for a file whose digest was taken of what was read. */
td_status tool_record_digested(tool_record *record, const char *path, const td_digest *digest,
                               td_error *error) TD_MUST_USE;

/* The digest of a file that was recorded; NULL: it was not. */
const td_digest *tool_record_digest(const tool_record *record, const char *path);

/* At the end of the work: TD_ERR_IO if a file that was read until now, as the pixels of a set are,
 * was written to. One that was replaced by another stays what it was. */
td_status tool_record_check_inputs(const tool_record *record, td_error *error) TD_MUST_USE;

/* Adds {"file": name, "sha256"} to `outputs`. `name` is what the file is called within the tool's
 * -o, so that a record does not depend on where the user put it. */
void tool_record_output(tool_record *record, const char *name, const td_digest *digest);

/* Adds {"path", "files", "sha256"} of picture files below a folder to `inputs`: how many, and one
 * checksum of all (td_listing_digest). Of `remarks`, which may be NULL, also how many pictures were
 * "turned", "transparent", "lost_on_ground" and "from_cmyk", where any was. Once, however often the
 * same ones are named. */
void tool_record_folder(tool_record *record, const char *path, size_t files,
                        const td_digest *digest, const td_remarks *remarks);

/* All files of a data set as inputs, as they were when it was opened. */
td_status tool_record_dataset(tool_record *record, const td_dataset *set,
                              td_error *error) TD_MUST_USE;

/* The last step before a record is written: adds `timing` {"seconds", "threads", "processor",
 * "cores",
 * "image_passes" {"forward", "backward"}}, and fails if anything was left out of the record. */
td_status tool_record_time(tool_record *record, td_error *error) TD_MUST_USE;

/* Whether standard output belongs to the record: nothing else is printed there. */
bool tool_record_to_stdout(const tool_common *common);

/* Writes the finished record; `name` is what messages call the stream. */
td_status tool_record_write(const tool_record *record, FILE *stream, const char *name,
                            td_error *error) TD_MUST_USE;

/* Takes a zeroed record as well. */
void tool_record_free(tool_record *record);

/* Whether anything was left out of the record so far: TD_ERR_MEMORY. */
td_status tool_record_check(const tool_record *record, td_error *error) TD_MUST_USE;

/* Sets NAME to the rate's value, NAME_interval to [low, high] and NAME_count to [hits, trials]. */
void tool_json_rate(td_json *json, json_t *object, const char *name, const td_rate *rate);
void tool_json_interval(td_json *json, json_t *object, const char *name,
                        td_interval interval); /* that alone */

/* Reads NAME_count back; false where it is not [hits, trials] with no more hits than trials. */
bool tool_json_take_rate(const json_t *object, const char *name, td_rate *rate);

#endif
