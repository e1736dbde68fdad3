/* One run of Neural Cleanse and its parts: the search for each class (cleanse_search.h), the
 * triggers found so far in a file (cleanse_state.c), what is told (cleanse.c, cleanse_overlap.c),
 * and what removes a backdoor (cleanse_patch.c): cleanse_unlearn.c, cleanse_prune.c,
 * cleanse_filter.c, on stamped images (cleanse_stamp.c) and ranked neurons (cleanse_neurons.c). */
#ifndef TOOLS_DEFEND_INSPECT_CLEANSE_H
#define TOOLS_DEFEND_INSPECT_CLEANSE_H

#include "frame/progress.h"
#include "defend/inspect/cleanse_search.h"
#include "defend/inspect/old_inspect.h"
#include "defend/repair/repair.h"
#include "defend/repair/tune.h"
#include "nn/model.h"

/* Epoch of TD_FOR_CLEANSE, above all classes: which images carry the trigger that is unlearned. */
#define CLEANSE_DRAW_SHARE UINT32_MAX

typedef enum cleanse_patch {
    CLEANSE_NO_PATCH,
    CLEANSE_UNLEARN,
    CLEANSE_PRUNE,
    CLEANSE_FILTER,
} cleanse_patch;

typedef struct cleanse_options {
    repair_options repair; /* its common.output: a folder, or NULL */
    const char *classes;   /* LIST, or NULL: all */
    cleanse_settings settings;
    bool resume, exit_code;
    double minutes; /* that the search may take; INFINITY for no limit */
    cleanse_patch patch;
    const char *patched;       /* the model that is written, or NULL */
    const char *patch_classes; /* LIST, or NULL: those flagged */
    tune_options tune;         /* unlearn */
    double share;              /* unlearn: of the clean images, stamped, in (0, 1] */
    double tolerance;          /* prune: by how much the accuracy may fall */
    double fpr;                /* filter: the share of clean images that may be rejected */
} cleanse_options;

/* Parses the command line; exits with 2 on a wrong one. */
void cleanse_options_parse(cleanse_options *options, int argc, char **argv);

/* What was asked, for the record; NULL when out of memory. */
json_t *cleanse_options_json(const cleanse_options *options);

typedef struct cleanse_job {
    const cleanse_options *options;
    td_dataset clean;
    td_model model;
    td_net pruned;    /* --patch prune */
    td_images images; /* the clean ones that no judging set has */
    repair_judge judge;
    size_t count;           /* classes searched for; once the time is up, those that were */
    inspect_class *classes; /* [count] */
    cleanse_found *found;   /* [count] */
    bool *searched;         /* [count] */
    size_t done;            /* how many of them are */
    double deadline;        /* of the search, in monotonic seconds */
    size_t *patched;        /* classes to patch, as places in `classes` */
    size_t patched_count;
    inspect_verdict verdict;
    json_t *identity; /* of the search; NULL without -o */
    tool_files files; /* zeroed without -o */
    tool_record record;
    tool_progress progress;
    td_arena arena;
} cleanse_job;

/* The triggers found so far stand in DIR/triggers.safetensors, exact: mask-K F32 [height, width]
 * and pattern-K F32 [height, width, channels] of each class K that was searched for, and as
 * metadata (trapdoor.cleanse) how they were found. */
extern const char cleanse_state_name[];

/* All that decides about the triggers: a new reference. */
td_status cleanse_identity(const cleanse_job *job, json_t **out, td_error *error) TD_MUST_USE;

/* Makes the search's identity and, with --resume, takes over what stands there. TD_ERR_USAGE if it
 * is of another search, or if it stands there and neither --resume nor --force is given. */
td_status cleanse_state_load(cleanse_job *job, td_error *error) TD_MUST_USE;

/* Writes all that is searched. */
td_status cleanse_state_write(cleanse_job *job, td_error *error) TD_MUST_USE;

/* The classes in an option's LIST, or all of 0 … classes-1 if it is NULL, to out[count] in `arena`.
 * TD_ERR_USAGE if one is not a class or stands there twice. */
td_status cleanse_list_classes(const char *option, const char *list, size_t classes,
                               td_arena *arena, size_t **out, size_t *count,
                               td_error *error) TD_MUST_USE;

/* Adds an "overlaps" array to the record and tells it: of each --trigger whose target has a
 * recovered one, how far the two are at the same places. */
td_status cleanse_tell_overlaps(cleanse_job *job, td_error *error) TD_MUST_USE;

/* Images numbers[0 … count) with a recovered trigger: x' rounded to whole values, as a camera
 * would, to out [count, size]. */
td_status cleanse_stamp(const td_images *images, const uint32_t *numbers, size_t count,
                        const cleanse_found *found, uint8_t *out, td_error *error) TD_MUST_USE;

/* Such copies of all images but those of class `target`, in `arena`, with their labels. */
td_status cleanse_stamp_others(const td_images *images, const cleanse_found *found, size_t target,
                               td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

/* Copies of all images but those of its target with a --trigger, in `arena`. `first` is the number
 * of the first image in its split. */
td_status cleanse_stamp_trigger(const cleanse_job *job, const repair_backdoor *backdoor,
                                const td_images *images, size_t first, td_arena *arena,
                                td_images *out, td_error *error) TD_MUST_USE;

/* The node before the last dense layer, whose values are the penultimate neurons; TD_ERR_USAGE for
 * a net that does not end with a dense layer. */
td_status cleanse_penultimate(const td_net *net, size_t *node, td_error *error) TD_MUST_USE;

/* The values of these neurons [count, neurons], in `arena`. */
td_status cleanse_neurons(const cleanse_job *job, size_t node, const td_images *images,
                          td_arena *arena, float **out, td_error *error) TD_MUST_USE;

/* order[neurons]: by how much the trigger raises their mean value, the most first. `clean` and
 * `triggered` are [count, neurons] each. */
td_status cleanse_rank(const float *clean, size_t clean_count, const float *triggered,
                       size_t triggered_count, size_t neurons, td_arena *arena, size_t **order,
                       double **rise, td_error *error) TD_MUST_USE;

/* The numbers of the patched classes: a new reference. */
json_t *cleanse_patched_json(const cleanse_job *job);

/* What --patch asks for, if a class is flagged or named; writes the record and --patched. */
td_status cleanse_apply_patch(cleanse_job *job, td_error *error) TD_MUST_USE;

/* The patches. They add a "patch" object to the record and tell what they did. *weights are in the
 * job's arena. */
td_status cleanse_unlearn(cleanse_job *job, float **weights, td_error *error) TD_MUST_USE;
/* The caller frees *net, which has a mask node more. */
td_status cleanse_prune(cleanse_job *job, td_net *net, float **weights,
                        td_error *error) TD_MUST_USE;
td_status cleanse_filter(cleanse_job *job, td_error *error) TD_MUST_USE;

#endif
