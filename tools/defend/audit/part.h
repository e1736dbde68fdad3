/* SPDX-License-Identifier: MIT */
/* A part of a run's work, for one of several machines, as --part K/N: runs of all parts write to
 * one folder, at the same time, and a run without it makes what is missing and the record. */
#ifndef TOOLS_DEFEND_AUDIT_PART_H
#define TOOLS_DEFEND_AUDIT_PART_H

#include "base/error.h"
#include <stddef.h>

/* The part of `count` items, begin to end - 1; all of them if `text` is NULL. TD_ERR_USAGE. */
td_status part_read(const char *text, size_t count, size_t *begin, size_t *end,
                    td_error *error) TD_MUST_USE;

#endif
