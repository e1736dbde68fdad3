/* The folder of a run that goes on where an interrupted one was: the record of the whole stands in
 * it, those of the steps in folders below. */
#ifndef TOOLS_DEFEND_AUDIT_RUN_FOLDER_H
#define TOOLS_DEFEND_AUDIT_RUN_FOLDER_H

#include "frame/record.h"

typedef struct run_folder {
    const tool_common *common;  /* its -o is the folder */
    const char *name;           /* of the record there */
    const char *const *options; /* those that make it the same run; ends with NULL */
    bool made;
} run_folder;

/* TD_ERR_USAGE where the folder has the record of another run, one that was asked for something
 * else by `asked`, the options of this run, and --force is not given. */
td_status run_folder_check(const run_folder *f, const json_t *asked, td_error *error) TD_MUST_USE;

/* Makes it unless it is there, and a folder in it. */
td_status run_folder_make(run_folder *f, td_error *error) TD_MUST_USE;
td_status run_folder_make_inner(const run_folder *f, const char *name, td_error *error) TD_MUST_USE;

/* Removes what was made, and an inner folder, if nothing is in it; for runs that failed. */
void run_folder_unmake(const run_folder *f);
void run_folder_unmake_inner(const run_folder *f, const char *name);

/* Writes the record there, where it may replace its own, and to --json. */
td_status run_folder_write(const run_folder *f, tool_record *record, td_error *error) TD_MUST_USE;

#endif
