/* One run of trapdoor-eval, and its parts: the triggers to measure (backdoors.c, manifest.c), one
 * model (model.c), one trigger on it (attack.c), the pictures (pictures.c, heat_map.c) and the
 * table at the end (table.c). */
#ifndef TOOLS_EVAL_EVAL_H
#define TOOLS_EVAL_EVAL_H

#include "frame/files.h"
#include "frame/record.h"
#include "eval/options.h"
#include "trigger/trigger.h"

/* A trigger with the class it is meant to give. */
typedef struct eval_backdoor {
    td_trigger *trigger;
    size_t target;
    const char *output; /* only the model of this name was trained for it; NULL: any may be */
} eval_backdoor;

/* All that one run holds. */
typedef struct eval_job {
    const eval_options *options;
    td_dataset data;
    eval_backdoor backdoors[EVAL_MOST_TRIGGERS];
    size_t backdoor_count;
    tool_record record;
    tool_files pictures; /* zeroed without --pictures */
    td_arena arena;
} eval_job;

/* What a model says of a set of images: all [count, classes] or [count]. */
typedef struct eval_outputs {
    const td_images *images;
    size_t classes; /* of the net */
    float *logits;
    int32_t *predicted;
} eval_outputs;

/* Measures all models and writes the record. */
td_status eval_run(const eval_options *options, td_error *error) TD_MUST_USE;

/* Takes the triggers of the command line and of the manifest into the job, each at every strength
 * asked for, and checks them against the data. */
td_status eval_backdoors(eval_job *job, td_error *error) TD_MUST_USE;

/* Adds the pairs of triggers and targets of a manifest to the job. */
td_status eval_manifest(eval_job *job, const char *path, td_error *error) TD_MUST_USE;

/* TD_ERR_FORMAT if a set that stands beside the manifest, whose content is `root`, is not the one
 * that it was written with. */
td_status eval_check_sets(const json_t *root, const char *manifest, td_error *error) TD_MUST_USE;

/* Adds one pair, of which `output` (copied) may be NULL. */
td_status eval_add_backdoor(eval_job *job, const char *trigger, size_t target, const char *output,
                            td_error *error) TD_MUST_USE;

/* Measures the `number`-th model, prints its results and sets *out to its entry of models[]. */
td_status eval_model(eval_job *job, size_t number, json_t **out, td_error *error) TD_MUST_USE;

/* Measures what a trigger does, prints it and sets *out to its entry of triggers[]. `outputs` are
 * those for stamped images; the logits become probabilities. */
td_status eval_attack(const eval_job *job, const eval_backdoor *backdoor, eval_outputs *outputs,
                      json_t **out, td_error *error) TD_MUST_USE;

/* Counts [classes, classes] as nested arrays. */
json_t *eval_matrix_json(const size_t *counts, size_t classes);

void eval_print_rate(const char *name, const td_rate *rate);

/* Logits of an image: in an entry, and on stdout. */
void eval_add_scores(json_t *entry, const float *logits, size_t classes);

/* Pictures, each a file in --pictures; they do nothing without. `model` and `trigger` number them.
 */
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

/* With several models: a line for each model and trigger, from their entries. */
void eval_table(const json_t *models);

#endif
