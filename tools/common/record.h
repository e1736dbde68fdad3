/* The record: one JSON object per run. What was asked, what was read and what came out; what differs
 * from run to run (wall time, threads) stands apart under `timing`. */
#ifndef TOOLS_COMMON_RECORD_H
#define TOOLS_COMMON_RECORD_H

#include "base/error.h"
#include "common/options.h"
#include "data/dataset.h"
#include "measure/rates.h"
#include <jansson.h>

typedef struct tool_record {
    json_t *root; /* the tool adds its own fields here */
    double began; /* monotonic seconds */
} tool_record;

/* Starts a record: tool, version, blas_core, seed. `options` (stolen) is what was asked, as JSON. */
td_status tool_record_start(tool_record *record, const char *tool, const tool_common *common,
                            json_t *options, td_error *error) TD_MUST_USE;

/* Adds {"path", "sha256"} of a file to `inputs` / {"file" (its last component), "sha256"} to
 * `outputs`. */
td_status tool_record_input(tool_record *record, const char *path, td_error *error) TD_MUST_USE;
td_status tool_record_output(tool_record *record, const char *name, const char *path,
                             td_error *error) TD_MUST_USE;

/* All files of a data set as inputs. */
td_status tool_record_dataset(tool_record *record, const td_dataset *set,
                              td_error *error) TD_MUST_USE;

/* Adds `timing` and writes the record to --json where it was asked for (opened before the work, see
 * tool_record_check). */
td_status tool_record_write(tool_record *record, const tool_common *common,
                            td_error *error) TD_MUST_USE;

void tool_record_free(tool_record *record);

/* Refuses an existing --json file without --force, before the work. */
td_status tool_record_check(const tool_common *common, td_error *error) TD_MUST_USE;

/* Sets NAME to the rate's value, NAME_interval to [low, high] and NAME_count to [hits, trials]. */
void tool_json_rate(json_t *object, const char *name, const td_rate *rate);

#endif
