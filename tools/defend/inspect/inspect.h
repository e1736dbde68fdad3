/* SPDX-License-Identifier: MIT */
/* Inspectors of models: an inspector looks for backdoors in a model and adds what it finds, one
 * finding after the other (findings.h); the frame around it opens the model and the clean images
 * (inspect.c), judges, fills the tables and says what makes the verdict weak (inspect_report.c),
 * writes recovered triggers as pictures (inspect_pictures.c), and measures what a patch does
 * (inspect_patch.c). A new inspector is one file with one struct inspector and one tool_method, and
 * a row in methods.c.
 *
 * Time may be up: whatever calls tool_run_go_on ends with TD_ERR_INTERRUPTED then, and what was
 * added before is the result; classes about which nothing was added are listed as "unsearched". */
#ifndef TOOLS_DEFEND_INSPECT_INSPECT_H
#define TOOLS_DEFEND_INSPECT_INSPECT_H

#include "base/random.h"
#include "defend/inspect/findings.h"
#include "defend/repair/evaluate.h"
#include "defend/repair/tune.h"
#include "frame/run.h"
#include "model/model.h"

/* What every inspector is asked to do. */
typedef struct inspect_settings {
    defend_model model;
    const char *clean; /* DATA, or NULL */
    repair_truth truth;
    const char *folder; /* for the recovered triggers, or NULL */
    double minutes;     /* that the search may take */
    bool exit_code;
} inspect_settings;

extern const tool_family inspectors;

/* Whether an inspector takes --clean. */
typedef enum inspect_clean {
    INSPECT_WITHOUT_CLEAN,
    INSPECT_MAY_CLEAN, /* for a patch, say */
    INSPECT_NEEDS_CLEAN,
} inspect_clean;

typedef struct inspection inspection;

/* A way of looking for backdoors. */
typedef struct inspector {
    finding_about about;
    finding_statistic statistic;
    bool rated; /* findings have an ASR */
    findings_spread spread;
    bool steady; /* of FINDINGS_RANKED: another recipe of training hardly moves the values, less
                    their median; so controls of another recipe will do */
    bool apart;  /* of FINDINGS_RANKED: too slow for a screen; runs by itself alone */
    inspect_clean clean;
    size_t least;             /* clean images of other classes, for each class; 0: any number */
    const tool_column *extra; /* its own columns, behind the others, FINDING_OWN at most, of a
                                 finding's `own`; NULL: none */
    bool pictures;            /* findings have triggers: --triggers DIR takes them */
    bool resumes; /* has a key --resume, which goes on with what is in the folder of --triggers */
    bool patches; /* may write a model to -o */
    /* Before the search and before the folder is made: may choose the inspection's classes, and
     * takes up what --resume finds. May be NULL. */
    td_status (*prepare)(inspection *in, td_error *error);
    /* Searches all at once, showing its progress: adds findings by inspect_add, or leaves that to
     * of_class; may set `said`. May be NULL. */
    td_status (*run)(inspection *in, td_error *error);
    /* After `run`: searches class classes[place] and sets what was found. The frame adds the
     * finding, shows the progress and looks at the clock. May be NULL. */
    td_status (*of_class)(inspection *in, size_t place, finding *one, td_error *error);
    /* Once the findings are judged and in their table: adds more tables and notes. May be NULL. */
    td_status (*report)(inspection *in, td_error *error);
    /* Last: removes what was found, by inspect_patch, if that is asked. May be NULL. */
    td_status (*patch)(inspection *in, td_error *error);
    /* Frees what of the state is in no arena; also after a failure, where `state` may be NULL. May
     * be NULL. */
    void (*close)(inspection *in);
} inspector;

/* One run. An inspector reads what it needs here: the model, the clean images, its settings
 * (run->own), the seed (run->common). */
struct inspection {
    tool_run *run;
    const inspect_settings *settings;
    const inspector *inspector;
    bool pictures; /* findings are to have their triggers, where each takes memory */
    td_model model;
    td_dataset clean; /* zeroed without --clean */
    td_shape shape;   /* of the images that the model takes */
    td_images images; /* the clean ones that no set has that measures; count 0 without --clean */
    repair_evaluator truth; /* for measurement alone */
    size_t *classes;        /* to look at: all, unless `prepare` chooses */
    size_t class_count;
    size_t ready; /* so many of them, the first, of_class need not search for, however late it is */
    size_t steps; /* of the progress, for each class: 1, unless `prepare` says more */
    findings found;
    size_t *flagged;    /* the classes that are, once the findings are judged */
    size_t *unsearched; /* the classes that were left out, since the time was up; NULL: none */
    const char *said;   /* what was looked for, for the summary: "the smallest triggers that ..." */
    void *state;        /* the inspector's, in the run's arena */
};

/* Whether a finding is about a class, or a pair. */
static inline bool inspect_is_by_class(const inspection *in) {
    return in->found.about == FINDING_CLASS || in->found.about == FINDING_PAIR;
}

/* Adds a finding; its map and trigger must outlive the run. TD_ERR_MEMORY. */
td_status inspect_add(inspection *in, const finding *one, td_error *error) TD_MUST_USE;

/* Classes as a table has them. */
td_status inspect_numbers(inspection *in, const size_t *classes, size_t count, tool_list *out,
                          td_error *error) TD_MUST_USE;

/* An inspector's search alone, without a record, over a model and images that are open: run->own
 * are its settings. What is found is in the run's arena, its indices judged. */
td_status inspect_find(tool_run *run, const td_model *model, const td_dataset *clean, bool pictures,
                       findings *out, td_error *error) TD_MUST_USE;

/* --- for patches (inspect_patch.c), whose tables are in the record's "patch" --- */

/* Makes the net and its weights, which the run or the inspector's state owns, from the model. */
typedef td_status (*inspect_repair)(inspection *in, const td_net **net, float **weights,
                                    td_error *error);

/* Measures the model before and after on --test, and writes what the repair made to -o. */
td_status inspect_patch(inspection *in, inspect_repair repair, td_error *error) TD_MUST_USE;

/* Unlearning: training on with the images, with blends of two of them, and with copies of a share
 * of them that carry recovered triggers. Stamped copies have their true labels; to the others the
 * model shall answer as it did (Hinton, Vinyals and Dean 2015: distillation, here of the model from
 * itself), which keeps the accuracy that few images would not restore. Of each class in turn about
 * an equal part of the share gets that class's trigger, in a random order, and no image of the
 * class itself: it would teach it. */
typedef struct inspect_unlearning {
    const char *how, *images_of; /* for the record; NULL: not there */
    const td_train_options *tune;
    double share;          /* of the images, in (0, 1] */
    td_random order;       /* and blends */
    const size_t *classes; /* whose triggers they get */
    size_t class_count;
    /* Stamps an image, the i-th of those that get the class's trigger. */
    void (*stamp)(const inspection *in, size_t class, size_t i, uint8_t *pixels);
} inspect_unlearning;

/* Trains a copy of the model's weights, and says in the record with what. */
td_status inspect_unlearn(inspection *in, const td_images *images, inspect_unlearning *how,
                          float **weights, td_error *error) TD_MUST_USE;

/* --- parts of the frame --- */

/* Judges the findings and fills tables, summary and notes. */
td_status inspect_report(inspection *in, td_error *error) TD_MUST_USE;

/* Makes the folder of --triggers, into which no other run may write then. */
td_status inspect_claim_folder(inspection *in, td_error *error) TD_MUST_USE;

/* What is in the way of the pictures is found before the work. */
td_status inspect_check_pictures(inspection *in, td_error *error) TD_MUST_USE;

/* Adds to the run's outputs, for a finding with a trigger, mask-K.png (grey, white where the mask
 * is 1), pattern-K.png, and trigger-K.png: the pattern with the mask as alpha, in 8 bits, that any
 * tool takes as --trigger image:file=trigger-K.png,at=0+0; for one with a change change-K.png, on
 * grey. K is the class, S-K for a pair, the place in the list for a map. */
td_status inspect_write_finding(tool_run *run, td_shape shape, const findings *f, const finding *of,
                                td_error *error) TD_MUST_USE;

/* The same for all, where --triggers says. */
td_status inspect_write_pictures(inspection *in, td_error *error) TD_MUST_USE;

#endif
