/* SPDX-License-Identifier: MIT */
/* trapdoor-eval's one method, and its parts: settings (settings.c), the triggers to measure
 * (backdoors.c, manifest.c), one model and the triggers on it (model.c), the tables (report.c) and
 * the pictures (pictures.c, heat_map.c). */
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
    const char *net; /* the models are state_dicts of this net; NULL: each file has its net */
    const char *data;
    td_many triggers, targets; /* in pairs */
    td_many sources;           /* classes on which the triggers are meant to work; none: all */
    const char *manifest;      /* a manifest with more pairs, or NULL */
    size_t scores;             /* the image whose logits to print, if given */
    td_many strengths;         /* additional strengths of the triggers to measure */
    size_t best;               /* average over this many classes with the best ASR, or 0 */
    const char *pictures;      /* folder for pictures, or NULL */
} eval_settings;

extern const tool_method eval_method;

/* A trigger and its target. */
typedef struct eval_backdoor {
    td_trigger *trigger;
    tool_target target;
    const char *output; /* only the model with this name was trained for it; NULL: any */
    const char *role;   /* of eval_pair */
    const bool *sources, *covers;
    size_t origin; /* number of the backdoor with the original strength */
} eval_backdoor;

/* The summary of all results. */
typedef struct eval_summary {
    double least, most; /* accuracy of a model */
    double asr;         /* the highest */
    const char *title;  /* of the trigger with the highest ASR; NULL: none */
} eval_summary;

/* The state of a run. */
typedef struct eval_job {
    tool_run *run;
    const eval_settings *settings;
    bool scored;     /* print the logits of image settings->scores */
    td_dataset data; /* with the classes of the first model */
    td_model first;  /* that model, until it is measured */
    eval_backdoor backdoors[EVAL_MOST_TRIGGERS];
    size_t backdoor_count;
    tool_table *models, *results;
    eval_summary summary;
} eval_job;

/* Names for the results of a model, or of a trigger on it. */
typedef struct eval_place {
    const char *path;  /* of their object in the record, "/models/0" */
    const char *title; /* for people: the model's file, with the trigger */
    const char *name;  /* prefix of the names of their pictures: "model-0" */
} eval_place;

/* Measures all models and fills the tables. */
td_status eval_run(tool_run *run, td_error *error) TD_MUST_USE;

/* Adds the triggers of the command line and the manifest to the job, each at every requested
 * strength, and checks them against the data. */
td_status eval_backdoors(eval_job *job, td_error *error) TD_MUST_USE;

typedef struct eval_pair {
    const char *trigger;
    tool_target target;
    const char *output;  /* if only one of several outputs was poisoned with it: its name without
                            extension; or NULL */
    const char *role;    /* if a manifest has several triggers for one backdoor: "test", "training",
                            "part" (of A|B), "cover", "negative"; else NULL */
    const bool *sources; /* [the run's classes]: those on which it is meant to work; NULL: all */
    const bool *covers;  /* those of cover images; NULL: not known */
} eval_pair;

/* Reads triggers and targets from a manifest of trapdoor-poison at `path` into the run's arena: for
 * each backdoor its test trigger first, then, if they differ, the triggers of poison and cover
 * images; after A|B each of its parts. Class names in it are matched with the run's. TD_ERR_FORMAT
 * also if a set beside it is not the one that it was written with; without a set nothing is
 * checked. */
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
    tool_list scores;         /* requested logits, or none */
    tool_list target_classes; /* how many images reach 0, 1, ... of the targets, or none */
} eval_clean;

extern const tool_table_kind eval_clean_table;

/* The effect of a trigger with a map of targets; all without a value for a single target. */
typedef struct eval_map_rates {
    double asr_mean, asr_least; /* over true classes that the map changes and that have images */
    size_t least_class;         /* the first class with the least ASR */
    double
        asr_of_accuracy; /* the ASR as a share of the accuracy, which is roughly its upper limit */
} eval_map_rates;

/* Summarises the ASR of each true class, rates[classes], as td_asr_by_class gives them. */
eval_map_rates eval_rate_map(const td_rate *rates, size_t classes, double asr, double accuracy);

/* For a trigger without a map. */
eval_map_rates eval_no_map(void);

/* The effect of a trigger without a target; without a value for one with a target. */
typedef struct eval_untargeted {
    td_rate wrong_of_right; /* of the images classified correctly unstamped, the share misclassified
                               when stamped */
    double dispersion; /* the entropy, in nats, of the predictions on the stamped images of each
                          true class; the mean over classes with images */
} eval_untargeted;

/* From the predictions on clean and on stamped images, [count] each, and counts[classes, classes]
 * of the latter. */
eval_untargeted eval_rate_untargeted(const int32_t *clean, const int32_t *stamped,
                                     const int32_t *labels, size_t count, const size_t *counts,
                                     size_t classes);
eval_untargeted eval_no_untargeted(void);

/* Whether the trigger has a target; one with target "any" has none. */
static inline bool eval_has_target(const tool_target *target) {
    return target->class != TOOL_NO_COUNT || target->of.of_label;
}

/* A trigger on a model: a row of the results, and one of the model's triggers, which also has the
 * lists. */
typedef struct eval_result {
    tool_list asr_by_class; /* of the data's classes; NaN for the target itself */
    tool_list best_classes; /* the classes of --best, best first */
    tool_list pairs;        /* [classes, classes] of true and predicted classes */
    tool_list scores;
    const char *file;
    td_rate accuracy;
    tool_target target; /* none: no trigger was measured on the model */
    td_rate asr, non_targeted, robust_accuracy, ra;
    /* If the sources are known: of the images of source classes, and of the others not of the
     * target class, the shares classified as the target. For a map without sources: of the images
     * of classes it leaves alone, the share classified as a target of other classes. */
    td_rate source_asr, false_activation;
    /* If the sources are known: of the others, the share still classified as their label. If the
     * classes of covers are, too, the false activation in these and in the remaining classes. */
    td_rate others_accuracy, cover_activation, unseen_activation;
    const char *role;
    tool_estimate confidence;
    double asr_of_best;
    eval_map_rates of_map;
    eval_untargeted untargeted;
    const char *trigger;
} eval_result;

extern const tool_table_kind eval_result_table, eval_trigger_table;

/* Prints the logits of one image. */
td_status eval_report_logits(eval_job *job, const eval_place *place, const tool_list *logits,
                             td_error *error) TD_MUST_USE;

/* How many images reach 0, 1, ... of the targets. */
td_status eval_report_targets(eval_job *job, const eval_place *model, const size_t *counts,
                              size_t targets, td_error *error) TD_MUST_USE;

/* The ASR by strength: rates[i] is that of the i-th backdoor, without trials if it was not
 * measured. */
td_status eval_report_strengths(eval_job *job, const eval_place *model, const td_rate *rates,
                                td_error *error) TD_MUST_USE;

/* --- pictures, each a file in --pictures; without that option these do nothing --- */

/* TD_ERR_USAGE if pictures of these models already exist, unless --force allows deleting them. */
td_status eval_pictures_open(eval_job *job, td_error *error) TD_MUST_USE;

/* Counts [classes, classes], as NAME-WHAT.png. */
td_status eval_picture_counts(eval_job *job, const char *name, const char *what, const char *title,
                              const size_t *counts, size_t classes, td_error *error) TD_MUST_USE;

/* How many images reach 0, 1, ... of the targets. */
td_status eval_picture_targets(eval_job *job, const char *name, const size_t *counts, size_t bars,
                               td_error *error) TD_MUST_USE;

/* Samples: clean, stamped by the trigger, with the model's prediction (predicted, of all images),
 * and the difference. */
td_status eval_picture_samples(eval_job *job, const char *name, const td_trigger *trigger,
                               const int32_t *predicted, td_error *error) TD_MUST_USE;

/* Draws counts[classes, classes]: a row per true class, a column per predicted class, each cell
 * coloured by its share of the row and labelled in percent if there is room. `names` [classes] may
 * be NULL. The caller frees the bitmap. */
td_status heat_map_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t classes,
                        const char *const *names, td_error *error) TD_MUST_USE;

/* Draws a bar for each of counts[bars], with its number below and its count above. */
td_status histogram_draw(td_bitmap *bitmap, const char *title, const size_t *counts, size_t bars,
                         td_error *error) TD_MUST_USE;

#endif
