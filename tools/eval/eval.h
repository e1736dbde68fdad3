/* trapdoor-eval's one method, and its parts: what can be asked (settings.c), the triggers to
 * measure (backdoors.c, manifest.c), one model (model.c), one trigger on it (attack.c), the tables
 * (report.c) and the pictures (pictures.c, heat_map.c). */
#ifndef TOOLS_EVAL_EVAL_H
#define TOOLS_EVAL_EVAL_H

#include "frame/run.h"
#include "trigger/trigger.h"

enum { EVAL_MOST_TRIGGERS = 256 };

typedef struct eval_settings {
    td_many models;
    const char *net; /* the models are state_dicts of this net; NULL: each has its own */
    const char *data;
    td_many triggers, targets; /* in pairs */
    const char *manifest;      /* adds its pairs, or NULL */
    size_t scores;             /* the image whose logits are wanted, if it is given */
    td_many strengths;         /* to measure triggers at, besides their own */
    size_t best;               /* classes over whose best ASR to take the mean, or 0 */
    const char *pictures;      /* folder for pictures, or NULL */
} eval_settings;

extern const tool_method eval_method;

/* A trigger with the class it is meant to give. */
typedef struct eval_backdoor {
    td_trigger *trigger;
    size_t target;
    const char *output; /* only the model of this name was trained for it; NULL: any may be */
    size_t origin;      /* the number of the one that this is at another strength, or its own */
} eval_backdoor;

/* What the summary says of all results. */
typedef struct eval_summary {
    double least, most; /* accuracy of a model */
    td_rate asr;        /* the highest */
    const char *title;  /* of the trigger that has it; NULL: none */
} eval_summary;

/* All that one run holds. */
typedef struct eval_job {
    tool_run *run;
    const eval_settings *settings;
    bool scored; /* logits of image settings->scores are wanted */
    td_dataset data;
    eval_backdoor backdoors[EVAL_MOST_TRIGGERS];
    size_t backdoor_count;
    tool_table *results;
    eval_summary summary;
} eval_job;

/* What a model says of a set of images: all [count, classes] or [count]. */
typedef struct eval_outputs {
    const td_images *images;
    size_t classes; /* of the net */
    float *logits;
    int32_t *predicted;
} eval_outputs;

/* What a trigger does to a model. */
typedef struct eval_result {
    td_attack attack;
    td_rate *by_class;   /* [the data's classes]: the ASR of each true class */
    const float *logits; /* of the image that is wanted, [net's classes], or NULL */
    size_t *best;        /* the classes of --best, the best first */
    size_t best_count;
} eval_result;

/* The object of the record that a model's or a trigger's results go to. */
typedef struct eval_place {
    json_t *entry;     /* in the record */
    const char *path;  /* of it, "/models/0" */
    const char *title; /* for people: the model's file, with the trigger */
} eval_place;

/* Measures all models and fills the tables. */
td_status eval_run(tool_run *run, td_error *error) TD_MUST_USE;

/* Takes the triggers of the command line and of the manifest into the job, each at every strength
 * asked for, and checks them against the data. */
td_status eval_backdoors(eval_job *job, td_error *error) TD_MUST_USE;

/* Measures the `number`-th model and adds its results; `place` is its entry of models[]. */
td_status eval_model(eval_job *job, size_t number, const eval_place *place,
                     td_error *error) TD_MUST_USE;

/* Measures what a trigger does. `outputs` are those for stamped images; the logits become
 * probabilities. Arrays of *out are in `arena`. */
td_status eval_attack(const eval_job *job, const eval_backdoor *backdoor, eval_outputs *outputs,
                      td_arena *arena, eval_result *out, td_error *error) TD_MUST_USE;

/* --- tables --- */

/* The table of all results, a row for each model and trigger. */
td_status eval_report_open(eval_job *job, td_error *error) TD_MUST_USE;

/* A model on clean images: counts [classes, classes], and the logits wanted, or NULL. */
td_status eval_report_clean(eval_job *job, const eval_place *model, td_rate accuracy,
                            const size_t *counts, const float *logits, size_t classes,
                            td_error *error) TD_MUST_USE;

/* A row of results. `backdoor` and `result` may both be NULL: no trigger was measured. */
td_status eval_report_row(eval_job *job, const eval_place *model, td_rate accuracy,
                          const eval_place *trigger, const eval_backdoor *backdoor,
                          const eval_result *result, td_error *error) TD_MUST_USE;

/* A trigger on a model, besides its row: counts [classes, classes] of true and predicted classes.
 */
td_status eval_report_attack(eval_job *job, const eval_place *trigger, const eval_result *result,
                             const size_t *counts, size_t classes, td_error *error) TD_MUST_USE;

/* How many images reach 0, 1, ... of the targets: counts[targets + 1]. */
td_status eval_report_targets(eval_job *job, const eval_place *model, const size_t *counts,
                              size_t targets, td_error *error) TD_MUST_USE;

/* The ASR by strength: rates[i] is that of the i-th backdoor, without trials where it was not
 * measured. */
td_status eval_report_strengths(eval_job *job, const eval_place *model, const td_rate *rates,
                                td_error *error) TD_MUST_USE;

/* --- pictures, each a file in --pictures; they do nothing without --- */

/* TD_ERR_USAGE if pictures of these models are there already, unless --force lets them go. */
td_status eval_pictures_open(eval_job *job, td_error *error) TD_MUST_USE;

/* `model` and `trigger` number them. */
td_status eval_picture_confusion(eval_job *job, size_t model, const char *title,
                                 const size_t *counts, size_t classes, td_error *error) TD_MUST_USE;
td_status eval_picture_pairs(eval_job *job, size_t model, size_t trigger, const char *title,
                             const size_t *counts, size_t classes, td_error *error) TD_MUST_USE;
td_status eval_picture_targets(eval_job *job, size_t model, const char *title, const size_t *counts,
                               size_t bars, td_error *error) TD_MUST_USE;
/* Samples: clean, stamped by the trigger of that number, with what the model says (predicted, of
 * all images), and the difference. */
td_status eval_picture_samples(eval_job *job, size_t model, size_t trigger,
                               const int32_t *predicted, td_error *error) TD_MUST_USE;

#endif
