/* SPDX-License-Identifier: MIT */
/* Evaluation of any repair: a model before and after, on --test, with the triggers of --trigger and
 * --target. It has no influence on the repair. A method calls, in this order:
 *     repair_open        --test and the triggers
 *     repair_clean       the clean images that the repair may use
 *     repair_measure     the original model
 *     ...                the repair
 *     repair_measure     the repaired model
 *     repair_report      both, as a table and in the record
 *     repair_close */
#ifndef TOOLS_DEFEND_REPAIR_EVALUATE_H
#define TOOLS_DEFEND_REPAIR_EVALUATE_H

#include "defend/inputs.h"
#include "frame/target.h"
#include "measure/rates.h"
#include "trigger/trigger.h"

enum { REPAIR_MOST_TRIGGERS = 16 };

/* --test, and --trigger and --target, which come in pairs. */
typedef struct repair_truth {
    const char *test; /* or NULL */
    td_many triggers, targets;
} repair_truth;

extern const td_key repair_test_keys[], repair_trigger_keys[];

/* Key rows of both groups, for a repair_truth at `place` of the settings. */
#define REPAIR_TRUTH(place)                                                                        \
    {.keys = repair_test_keys, .offset = place}, {                                                 \
        .keys = repair_trigger_keys, .offset = place, .object = "triggers", .rows = true           \
    }

typedef struct repair_backdoor {
    td_trigger *trigger; /* bound */
    tool_target target;
} repair_backdoor;

typedef struct repair_evaluator {
    tool_run *run;
    td_dataset test; /* zeroed without --test */
    repair_backdoor backdoors[REPAIR_MOST_TRIGGERS];
    size_t backdoor_count;
} repair_evaluator;

/* Opens the set (split test) and the triggers for a net. TD_ERR_USAGE for images of another shape,
 * and for a target or labels that the net does not have. The caller closes it, on failure too. */
td_status repair_open(repair_evaluator *evaluator, tool_run *run, const repair_truth *truth,
                      const td_net *net, td_error *error) TD_MUST_USE;
void repair_close(repair_evaluator *evaluator); /* takes a zeroed one as well */

/* The images of `clean` that a repair may use: those that are neither in --test nor in `other`,
 * unless that is NULL. A set that overlaps is TD_ERR_USAGE, with the place; a few equal images (at
 * most 1 in 100) are left out. `option` is the set's option: "--clean". *out is a view of `clean`,
 * or a copy in the run's arena. */
td_status repair_clean(const repair_evaluator *evaluator, const td_dataset *clean,
                       const char *option, const td_dataset *other, td_images *out,
                       td_error *error) TD_MUST_USE;

typedef struct repair_class {
    size_t number;
    td_rate accuracy; /* on its images */
} repair_class;

typedef struct repair_attack {
    const char *trigger; /* owned by the evaluator */
    tool_target target;
    td_rate asr, robust_accuracy; /* robust_accuracy: of all images */
    td_rate ra;                   /* td_ra: of the images counted by the ASR */
    double der, rir;              /* NaN for the original model */
} repair_attack;

/* The measurements of a model on --test. */
typedef struct repair_figures {
    td_rate accuracy;
    repair_class *classes; /* [class_count], in the run's arena */
    size_t class_count;
    repair_attack attacks[REPAIR_MOST_TRIGGERS]; /* one per backdoor */
} repair_figures;

/* Measures a model. `before` is the original model's measurement, NULL when measuring that one.
 * Does nothing without --test. */
td_status repair_measure(const repair_evaluator *evaluator, const td_net *net, const float *weights,
                         const repair_figures *before, repair_figures *figures,
                         td_error *error) TD_MUST_USE;

/* Adds `test` {"data", "images", "before", "after"} to the record, each of these two with
 * "accuracy", "classes" [{"class", "accuracy"}] and "triggers" [{"trigger", "target", "asr",
 * "robust_accuracy", "ra"}], rates with intervals; the triggers of "after" also have "der" and
 * "rir". Adds the table "comparison" of the same. Does nothing without --test. */
td_status repair_report(const repair_evaluator *evaluator, const repair_figures *before,
                        const repair_figures *after, td_error *error) TD_MUST_USE;

#endif
