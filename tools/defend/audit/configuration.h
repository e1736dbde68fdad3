/* SPDX-License-Identifier: MIT */
/* The result of trapdoor-defend configure: the probability of a backdoor as a function of the joint
 * score. */
#ifndef TOOLS_DEFEND_AUDIT_CONFIGURATION_H
#define TOOLS_DEFEND_AUDIT_CONFIGURATION_H

#include "frame/run.h"
#include "measure/logistic.h"

typedef struct configuration {
    td_logistic by_joint;
    td_digest controls; /* SHA-256 of the controls' file for whose joint scores it was fitted */
    bool known;         /* --known-recipe */
} configuration;

/* Adds "configuration" to the record. */
void configuration_write(tool_run *run, const configuration *c);

/* Reads it from the record at `path`, whose digest goes into the run's. TD_ERR_USAGE if it is for
 * other controls or other joint scores. */
td_status configuration_read(tool_run *run, const char *path, const char *controls, bool known,
                             configuration *out, td_error *error) TD_MUST_USE;

#endif
