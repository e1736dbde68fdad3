/* SPDX-License-Identifier: MIT */
/* Inspectors of models. An inspector looks for backdoors in a model and adds its findings one by
 * one (findings.h). The framework opens the model and the clean images (inspect.c), judges the
 * findings, fills the tables and reports weaknesses of the verdict (inspect_report.c), writes
 * recovered triggers as pictures (inspect_pictures.c), and measures the effect of a patch
 * (inspect_patch.c). A new inspector is one file with one struct inspector and one tool_method, and
 * a row in methods.c.
 *
 * When the time is up, tool_run_go_on returns TD_ERR_INTERRUPTED and the findings so far are the
 * result; classes without a finding are listed as "unsearched". */
#ifndef TOOLS_DEFEND_INSPECT_INSPECT_H
#define TOOLS_DEFEND_INSPECT_INSPECT_H

#include "base/random.h"
#include "defend/inspect/findings.h"
#include "defend/repair/evaluate.h"
#include "defend/repair/tune.h"
#include "frame/run.h"
#include "model/model.h"

/* The inputs of every inspector. */
typedef struct inspect_settings {
    defend_model model;
    const char *clean; /* DATA, or NULL */
    repair_truth truth;
    const char *folder; /* for the recovered triggers, or NULL */
    double minutes;     /* time limit of the search */
    bool exit_code;
} inspect_settings;

extern const tool_family inspectors;

/* Whether an inspector takes --clean. */
typedef enum inspect_clean {
    INSPECT_WITHOUT_CLEAN,
    INSPECT_MAY_CLEAN, /* for a patch, for example */
    INSPECT_NEEDS_CLEAN,
} inspect_clean;

typedef struct inspection inspection;

/* An inspector. */
typedef struct inspector {
    finding_about about;
    finding_statistic statistic;
    bool rated; /* findings have an ASR */
    findings_spread spread;
    bool steady; /* for FINDINGS_RANKED: another training recipe hardly changes the values relative
                    to their median, so controls of another recipe will do */
    bool apart;  /* for FINDINGS_RANKED: too slow for a screen; runs only on its own */
    bool by_gradient; /* of the image, by inspect_backward: a search that none reaches is refused */
    inspect_clean clean;
    size_t least; /* clean images of other classes needed for each class; 0: any number */
    const tool_column *extra; /* its own columns, after the others, at most FINDING_OWN, for a
                                 finding's `own`; NULL: none */
    bool pictures;            /* findings have triggers, which --triggers DIR saves */
    bool resumes; /* it has a key --resume, which continues from the folder of --triggers */
    bool patches; /* may write a model to -o */
    /* Called before the search and before the folder is made: may choose the inspection's classes,
     * and loads what --resume finds. May be NULL. */
    td_status (*prepare)(inspection *in, td_error *error);
    /* Searches all classes at once with progress: adds findings by inspect_add, or leaves that to
     * of_class; may set `said`. May be NULL. */
    td_status (*run)(inspection *in, td_error *error);
    /* Called after `run`: searches class classes[place] and fills the finding. The framework adds
     * it, shows the progress and checks the time. May be NULL. */
    td_status (*of_class)(inspection *in, size_t place, finding *one, td_error *error);
    /* Called once the findings are judged and in their table: adds more tables and notes. May be
     * NULL. */
    td_status (*report)(inspection *in, td_error *error);
    /* Called last: removes the backdoor by inspect_patch, if requested. May be NULL. */
    td_status (*patch)(inspection *in, td_error *error);
    /* Frees state that is not in an arena; also called after a failure, when `state` may be NULL.
     * May be NULL. */
    void (*close)(inspection *in);
} inspector;

/* One run. An inspector finds everything here: the model, the clean images, its settings
 * (run->own), the seed (run->common). */
struct inspection {
    tool_run *run;
    const inspect_settings *settings;
    const inspector *inspector;
    bool pictures; /* findings need their triggers, if each takes memory */
    td_model model;
    td_dataset clean; /* zeroed without --clean */
    td_shape shape;   /* of the images that the model takes */
    td_images images; /* the clean images that are in no evaluation set; count 0 without --clean */
    repair_evaluator truth; /* only for evaluation */
    size_t *classes;        /* to examine: all, unless `prepare` chooses */
    size_t class_count;
    size_t ready;      /* the first so many need no search by of_class, even when the time is up */
    size_t steps;      /* progress steps per class: 1, unless `prepare` sets more */
    bool has_gradient; /* a gradient of the image was not 0 (backward.h) */
    findings found;
    size_t *flagged;    /* the flagged classes, once the findings are judged */
    size_t *unsearched; /* classes left out because the time was up; NULL: none */
    const char
        *said;   /* what the search looks for, for the summary: "the smallest triggers that ..." */
    void *state; /* the inspector's, in the run's arena */
};

/* Whether a finding is about a class, or a pair. */
static inline bool inspect_is_by_class(const inspection *in) {
    return in->found.about == FINDING_CLASS || in->found.about == FINDING_PAIR;
}

/* Adds a finding; its map and trigger must outlive the run. TD_ERR_NUMERIC for a value that is not
 * finite; TD_ERR_MEMORY. */
td_status inspect_add(inspection *in, const finding *one, td_error *error) TD_MUST_USE;

/* Formats classes for a table. */
td_status inspect_numbers(inspection *in, const size_t *classes, size_t count, tool_list *out,
                          td_error *error) TD_MUST_USE;

/* Runs only an inspector's search, without a record, on an open model and images: run->own are its
 * settings. The findings are in the run's arena, with their indices. */
td_status inspect_find(tool_run *run, const td_model *model, const td_dataset *clean, bool pictures,
                       findings *out, td_error *error) TD_MUST_USE;

/* --- for patches (inspect_patch.c), whose tables are in the record's "patch" --- */

/* Creates the repaired net and its weights from the model; the run or the inspector's state owns
 * them. */
typedef td_status (*inspect_repair)(inspection *in, const td_net **net, float **weights,
                                    td_error *error);

/* Measures the model before and after on --test, and writes the repaired one to -o. */
td_status inspect_patch(inspection *in, inspect_repair repair, td_error *error) TD_MUST_USE;

/* Unlearning: continues training on the images, on blends of two of them, and on copies of a share
 * of them stamped with recovered triggers. Stamped copies have their true labels; for the others
 * the target is the original model's answer (Hinton, Vinyals and Dean 2015: distillation, here of
 * the model from itself), which preserves the accuracy that a few images could not restore. The
 * share is divided about equally among the classes: each class's part gets its trigger, in random
 * order, and contains no image of the class itself, which would teach the trigger. */
typedef struct inspect_unlearning {
    const char *how, *images_of; /* for the record; NULL: omitted */
    const td_train_options *tune;
    double share;          /* of the images, in (0, 1] */
    td_random order;       /* and blends */
    const size_t *classes; /* classes whose triggers are used */
    size_t class_count;
    /* Stamps image number i of those that get the class's trigger. */
    void (*stamp)(const inspection *in, size_t class, size_t i, uint8_t *pixels);
} inspect_unlearning;

/* Trains a copy of the model's weights, and records the training data. */
td_status inspect_unlearn(inspection *in, const td_images *images, inspect_unlearning *how,
                          float **weights, td_error *error) TD_MUST_USE;

/* --- parts of the framework --- */

/* Judges the findings and fills tables, summary and notes. */
td_status inspect_report(inspection *in, td_error *error) TD_MUST_USE;

/* Creates the folder of --triggers and claims it, so that no other run may write to it. */
td_status inspect_claim_folder(inspection *in, td_error *error) TD_MUST_USE;

/* Checks before the work that the pictures can be written. */
td_status inspect_check_pictures(inspection *in, td_error *error) TD_MUST_USE;

/* Adds to the run's outputs, for a finding with a trigger, mask-K.png (grey, white where the mask
 * is 1), pattern-K.png, and trigger-K.png: the pattern with the mask as alpha, in 8 bits, for any
 * tool's --trigger image:file=trigger-K.png,at=0+0; for one with a change change-K.png, on grey. K
 * is the class, S-K for a pair, the place in the list for a map. */
td_status inspect_write_finding(tool_run *run, td_shape shape, const findings *f, const finding *of,
                                td_error *error) TD_MUST_USE;

/* The same for all, where --triggers says. */
td_status inspect_write_pictures(inspection *in, td_error *error) TD_MUST_USE;

#endif
