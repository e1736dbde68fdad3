/* Neural Cleanse: the method (cleanse.c), its search for a class (cleanse_search.h), the triggers
 * found so far in a file (cleanse_state.c), and what removes a backdoor (cleanse_patch.c,
 * cleanse_prune.c, cleanse_filter.c). */
#ifndef TOOLS_DEFEND_INSPECT_CLEANSE_H
#define TOOLS_DEFEND_INSPECT_CLEANSE_H

#include "defend/inspect/cleanse_search.h"
#include "defend/inspect/inspect.h"

typedef enum cleanse_patch { CLEANSE_UNLEARN, CLEANSE_PRUNE, CLEANSE_FILTER } cleanse_patch;

typedef struct cleanse_options {
    const char *classes; /* LIST, or NULL: all */
    cleanse_settings search;
    bool resume;
    bool patches;              /* whether --patch is given */
    int patch;                 /* then: a cleanse_patch */
    const char *patch_classes; /* LIST, or NULL: those flagged */
    tune_options tune;         /* unlearn */
    double share;              /* unlearn: of the clean images, stamped, in (0, 1] */
    double tolerance;          /* prune: by how much the accuracy may fall */
    double fpr;                /* filter: the share of clean images that may be rejected */
} cleanse_options;

/* The state of an inspection by Neural Cleanse. Arrays are of the inspection's classes. */
typedef struct cleanse {
    const cleanse_options *options;
    cleanse_settings search; /* the options', with the run's seed and batch */
    cleanse_found *found;
    bool *searched;
    size_t done;      /* how many are */
    json_t *identity; /* of the search; NULL without a folder */
    size_t *patched;  /* classes to patch, by their number */
    size_t patched_count;
    td_net pruned; /* of --patch prune */
} cleanse;

/* What was found for a class that was searched. */
const cleanse_found *cleanse_find(const inspection *in, size_t class);

/* --- the file of triggers --- */

/* The triggers found so far stand in DIR/triggers.safetensors, exact: mask-K F32 [height, width]
 * and pattern-K F32 [height, width, channels] of each class K that was searched for, and as
 * metadata (trapdoor.cleanse) how they were found. */
extern const char cleanse_state_name[];

/* All that decides about the triggers: a new reference. */
td_status cleanse_identity(const inspection *in, json_t **out, td_error *error) TD_MUST_USE;

/* Makes the search's identity and, with --resume, takes over what stands there. TD_ERR_USAGE if it
 * is of another search, or if it stands there and neither --resume nor --force is given. */
td_status cleanse_state_load(inspection *in, td_error *error) TD_MUST_USE;

/* Writes all that is searched. */
td_status cleanse_state_write(const inspection *in, td_error *error) TD_MUST_USE;

/* Notes the file in the record, if there is one. */
td_status cleanse_state_record(const inspection *in, td_error *error) TD_MUST_USE;

/* --- patches --- */

/* What --patch asks for, if a class is flagged or named. */
td_status cleanse_apply_patch(inspection *in, td_error *error) TD_MUST_USE;

/* inspect_repair. */
td_status cleanse_prune(inspection *in, const td_net **net, float **weights,
                        td_error *error) TD_MUST_USE;

td_status cleanse_filter(inspection *in, td_error *error) TD_MUST_USE;

/* The numbers of the patched classes: a new reference. */
json_t *cleanse_patched_json(const inspection *in);

/* The numbers of all images but those of `class`, in `arena`. */
td_status cleanse_others(const td_images *images, size_t class, td_arena *arena, uint32_t **numbers,
                         size_t *count, td_error *error) TD_MUST_USE;

/* Copies of all images but those of `class` with its recovered trigger: x' rounded to whole values,
 * as a camera would; in `arena`. */
td_status cleanse_stamp_others(const inspection *in, const td_images *images, size_t class,
                               td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

/* The node before the last dense layer, whose values are the penultimate neurons; TD_ERR_USAGE for
 * a net that does not end with a dense layer. */
td_status cleanse_penultimate(const inspection *in, size_t *node, td_error *error) TD_MUST_USE;

/* The values of these neurons [count, neurons], in `arena`. */
td_status cleanse_neurons(const inspection *in, size_t node, const td_images *images,
                          td_arena *arena, float **out, td_error *error) TD_MUST_USE;

/* order[neurons]: by how much the trigger raises their mean value, the most first. `clean` and
 * `triggered` are [count, neurons] each. */
td_status cleanse_rank(const float *clean, size_t clean_count, const float *triggered,
                       size_t triggered_count, size_t neurons, td_arena *arena, size_t **order,
                       double **rise, td_error *error) TD_MUST_USE;

#endif
