/* SPDX-License-Identifier: MIT */
/* Compares a model's values with those of controls: the p-value, and the screen that determined it.
 */
#ifndef TOOLS_DEFEND_AUDIT_JUDGEMENT_H
#define TOOLS_DEFEND_AUDIT_JUDGEMENT_H

#include "defend/audit/calibration.h"
#include "defend/audit/controls.h"

typedef struct judgement_screen {
    const char *method, *title, *subject; /* the most conspicuous subject: "class 3" */
    finding_about about;
    const finding *found; /* the finding about it */
    double z, score,
        p;      /* of the finding; of the screen (calibration.h), and the p by this score alone */
    bool joint; /* the screen is part of the joint score */
} judgement_screen;

typedef struct judgement {
    bool calibrated; /* p is valid; otherwise `why` says why not */
    const char *why; /* "its accuracy, 61.0 %, is below that of all controls"; NULL */
    double p, joint;
    double probability; /* of a backdoor, from a configuration (configuration.h); NAN without one */
    size_t controls, as_high;
    const char *recipes, *file, *of; /* of the controls: "mixed"; the path; "lenet5 on mnist" */
    bool shipped;                    /* they ship with the program */
    judgement_screen *screens;
    size_t screen_count, carried; /* the screen that gives the joint score */
} judgement;

/* Compares a model with controls. Texts and lists are in `arena`; findings remain the screening's.
 * `known`: the controls were trained as the model was; otherwise the joint score uses only screens
 * that are insensitive to the recipe. TD_ERR_USAGE for controls of another
 * net, with other classes (`classes` are the model's) or another order of them, with other screens,
 * and for too few. */
td_status judge_model(const screening *screens, const td_net *net, const td_classes *classes,
                      const controls_file *controls, bool known, td_arena *arena, judgement *out,
                      td_error *error) TD_MUST_USE;

/* Reads controls from the record at `path`, whose digest goes into the run's. */
td_status judge_open_controls(tool_run *run, const char *path, controls_file *out,
                              td_error *error) TD_MUST_USE;

/* Adds "calibration" and the table of the screens to the run. */
td_status judge_report(tool_run *run, const judgement *j, double level,
                       td_error *error) TD_MUST_USE;

/* Whether the model is suspicious at that level of p. */
bool judge_flags(const judgement *j, double level);

/* The verdict in a sentence, in the arena. */
td_status judge_words(const judgement *j, td_arena *arena, const char **out,
                      td_error *error) TD_MUST_USE;

#endif
