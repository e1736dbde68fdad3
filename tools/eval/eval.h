/* SPDX-License-Identifier: MIT */
/* trapdoor-eval's one method, and its parts: what can be asked (settings.c), the triggers to
 * measure (backdoors.c, manifest.c), one model and the triggers on it (model.c), the tables
 * (report.c) and the pictures (pictures.c, heat_map.c). */
#ifndef TOOLS_EVAL_EVAL_H
#define TOOLS_EVAL_EVAL_H

#include "data/bitmap.h"
#include "frame/run.h"
#include "frame/target.h"
#include "model/model.h"
#include "trigger/trigger.h"

enum { EVAL_MOST_TRIGGERS = 256 };

typedef struct eval_settings {
    td_many models;
    const char *net; /* the models are state_dicts of this net; NULL: each has its own */
    const char *data;
    td_many triggers, targets; /* in pairs */
    td_many sources;           /* classes that the triggers are meant to work on; none: all */
    const char *manifest;      /* adds its pairs, or NULL */
    size_t scores;             /* the image whose logits are wanted, if it is given */
    td_many strengths;         /* to measure triggers at, besides their own */
    size_t best;               /* classes over whose best ASR to take the mean, or 0 */
    const char *pictures;      /* folder for pictures, or NULL */
} eval_settings;

extern const tool_method eval_method;

/* A trigger with what it is meant to make of images. */
typedef struct eval_backdoor {
    td_trigger *trigger;
    tool_target target;
    const char *output; /* only the model of this name was trained for it; NULL: any may be */
    const char *role;   /* of eval_pair */
    const bool *sources;
    size_t origin; /* the number of the one that this is at another strength, or its own */
} eval_backdoor;

/* What the summary says of all results. */
typedef struct eval_summary {
    double least, most; /* accuracy of a model */
    double asr;         /* the highest */
    const char *title;  /* of the trigger that has it; NULL: none */
} eval_summary;

/* All that one run holds. */
typedef struct eval_job {
    tool_run *run;
    const eval_settings *settings;
    bool scored;     /* logits of image settings->scores are wanted */
    td_dataset data; /* with the classes of the first model */
    td_model first;  /* that model, until it is measured */
    eval_backdoor backdoors[EVAL_MOST_TRIGGERS];
    size_t backdoor_count;
    tool_table *models, *results;
    eval_summary summary;
} eval_job;

/* What the results of a model, or of a trigger on it, are called. */
typedef struct eval_place {
    const char *path;  /* of their object in the record, "/models/0" */
    const char *title; /* for people: the model's file, with the trigger */
    const char *name;  /* with which the names of their pictures begin: "model-0" */
} eval_place;

/* Measures all models and fills the tables. */
td_status eval_run(tool_run *run, td_error *error) TD_MUST_USE;

/* Takes the triggers of the command line and of the manifest into the job, each at every strength
 * asked for, and checks them against the data. */
td_status eval_backdoors(eval_job *job, td_error *error) TD_MUST_USE;

typedef struct eval_pair {
    const char *trigger;
    tool_target target;
    const char *output; /* the only one of several outputs that was poisoned with it, without its
                           ending; or NULL */
    const char *role; /* where a manifest has several triggers for one backdoor: "test", "training",
                         "cover", "negative"; else NULL */
    const bool *sources; /* [the run's classes]: those that it is meant to work on; NULL: all */
} eval_pair;

/* Triggers and targets from the manifest at `path` that trapdoor-poison wrote beside its sets, in
 * the run's arena: for each backdoor its test trigger first, then, where they are others, what
 * poison and cover images were stamped with. Where it names classes, they are those of the run with
 * these names. TD_ERR_FORMAT, too, if a set that stands beside it is not the one that it was
 * written with; a manifest alone is taken at its word. */
td_status eval_manifest_read(eval_job *job, const char *path, eval_pair **pairs, size_t *count,
                             td_error *error) TD_MUST_USE;

/* Measures the `number`-th model and adds its results. */
td_status eval_model(eval_job *job, size_t number, td_error *error) TD_MUST_USE;

/* --- tables --- */

/* A model on clean images: a row of models[]. */
typedef struct eval_clean {
    const char *file;
    td_rate accuracy;
    tool_list confusion;      /* [classes, classes] of true and predicted classes */
    tool_list scores;         /* the logits wanted, or none */
    tool_list target_classes; /* how many images reach 0, 1, ... of the targets, or none */
} eval_clean;

extern const tool_table_kind eval_clean_table;

/* What a trigger with a map of targets does; all without a value for one target. */
typedef struct eval_map_rates {
    double asr_mean,
        asr_least;          /* over the true classes that the map changes and that have images */
    size_t least_class;     /* the first that has the least */
    double asr_of_accuracy; /* the ASR as a share of the accuracy, which is about its ceiling */
} eval_map_rates;

/* Sums up the ASR of each true class, rates[classes], as td_asr_by_class has them. */
eval_map_rates eval_rate_map(const td_rate *rates, size_t classes, double asr, double accuracy);

/* Those of a trigger without a map. */
eval_map_rates eval_no_map(void);

/* What a trigger without a target does; without a value for one that has a target. */
typedef struct eval_untargeted {
    td_rate
        wrong_of_right; /* of the images that are classified rightly unstamped: stamped, wrongly */
    double dispersion;  /* of the images of each true class, the entropy of the classes given when
                           they are stamped, in nats; the mean over the classes with images */
} eval_untargeted;

/* By the predictions on clean and on stamped images, [count] each, and counts[classes, classes] of
 * the latter. */
eval_untargeted eval_rate_untargeted(const int32_t *clean, const int32_t *stamped,
                                     const int32_t *labels, size_t count, const size_t *counts,
                                     size_t classes);
eval_untargeted eval_no_untargeted(void);

/* Whether the trigger has a target; one of "any" has none. */
static inline bool eval_has_target(const tool_target *target) {
    return target->class != TOOL_NO_COUNT || target->of.of_label;
}

/* A trigger on a model: a row of the results, and one of the model's triggers, which has the lists
 * besides. */
typedef struct eval_result {
    tool_list asr_by_class; /* of the data's classes; NaN for its own target, which has none */
    tool_list best_classes; /* those of --best, the best first */
    tool_list pairs;        /* [classes, classes] of true and predicted classes */
    tool_list scores;
    const char *file;
    td_rate accuracy;
    tool_target target; /* none: no trigger was measured on the model */
    td_rate asr, non_targeted, robust_accuracy, ra;
    /* Where the sources are known: of the images of source classes, and of the others that are not
     * the target's, how many are classified as it. Of a map without sources: of the images of the
     * classes that it leaves, how many are classified as a target of others. */
    td_rate source_asr, false_activation;
    const char *role;
    tool_estimate confidence;
    double asr_of_best;
    eval_map_rates of_map;
    eval_untargeted untargeted;
    const char *trigger;
} eval_result;

extern const tool_table_kind eval_result_table, eval_trigger_table;

/* The logits of one image, for people. */
td_status eval_report_logits(eval_job *job, const eval_place *place, const tool_list *logits,
                             td_error *error) TD_MUST_USE;

/* How many images reach 0, 1, ... of the targets. */
td_status eval_report_targets(eval_job *job, const eval_place *model, const size_t *counts,
                              size_t targets, td_error *error) TD_MUST_USE;

/* The ASR by strength: rates[i] is that of the i-th backdoor, without trials where it was not
 * measured. */
td_status eval_report_strengths(eval_job *job, const eval_place *model, const td_rate *rates,
                                td_error *error) TD_MUST_USE;

/* --- pictures, each a file in --pictures; they do nothing without --- */

/* TD_ERR_USAGE if pictures of these models are there already, unless --force lets them go. */
td_status eval_pictures_open(eval_job *job, td_error *error) TD_MUST_USE;

/* Counts [classes, classes], as NAME-WHAT.png. */
td_status eval_picture_counts(eval_job *job, const char *name, const char *what, const char *title,
                              const size_t *counts, size_t classes, td_error *error) TD_MUST_USE;

/* How many images reach 0, 1, ... of the targets. */
td_status eval_picture_targets(eval_job *job, const char *name, const size_t *counts, size_t bars,
                               td_error *error) TD_MUST_USE;

/* Samples: clean, stamped by the trigger, with what the model says (predicted, of all images), and
 * the difference. */
td_status eval_picture_samples(eval_job *job, const char *name, const td_trigger *trigger,
                               const int32_t *predicted, td_error *error) TD_MUST_USE;

/* Draws counts[classes, classes]: a row a true class, a column a predicted class, each cell
 * coloured by its share of the row, which it also says in percent where there is room. `names`
 * [classes] may be NULL. The caller frees the bitmap. */
td_status heat_map_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t classes,
                        const char *const *names, td_error *error) TD_MUST_USE;

/* Draws a bar for each of counts[bars], with its number under it and its count above. */
td_status histogram_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t bars,
                         td_error *error) TD_MUST_USE;

#endif
