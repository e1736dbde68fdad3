/* Another program, run as a filter. */
#ifndef TOOLS_REPORT_CHILD_H
#define TOOLS_REPORT_CHILD_H

#include "base/error.h"
#include <stddef.h>
#include <stdio.h>

/* Runs argv[0], looked up in PATH, without a shell: its standard input is what `input` holds from
 * the beginning (at least flushed), its standard output goes to `output`, its standard error to
 * nowhere. Of the environment it sees PATH, and the C locale. Waits for its end. TD_ERR_USAGE if
 * there is no such program, TD_ERR_IO if it cannot be run or ends with anything but 0. */
td_status child_run(const char *const *argv, FILE *input, FILE *output,
                    td_error *error) TD_MUST_USE;

#endif
