/* SPDX-License-Identifier: MIT */
/* Neural Cleanse: the method (cleanse.c), its search for one class (cleanse_search.h), the file of
 * triggers (cleanse_state.c), and the removal of a backdoor (cleanse_patch.c). */
#ifndef TOOLS_DEFEND_INSPECT_CLEANSE_H
#define TOOLS_DEFEND_INSPECT_CLEANSE_H

#include "data/path.h"
#include "defend/inspect/cleanse_search.h"
#include "defend/inspect/inspect.h"

typedef enum cleanse_patch { CLEANSE_UNLEARN, CLEANSE_PRUNE, CLEANSE_FILTER } cleanse_patch;

enum { CLEANSE_UNLEARN_BATCH = 128 };

typedef struct cleanse_options {
    const char *classes; /* LIST, or NULL: all */
    cleanse_settings search;
    bool resume;
    bool patches;              /* --patch is given */
    int patch;                 /* then: a cleanse_patch */
    const char *patch_classes; /* LIST, or NULL: the flagged classes */
    td_train_options tune;     /* unlearn */
    double share;              /* unlearn: the share of clean images to stamp, in (0, 1] */
    double tolerance;          /* prune: the largest allowed fall of the accuracy */
    double fpr;                /* filter: the share of clean images that may be rejected */
} cleanse_options;

/* The state of a run of Neural Cleanse. */
typedef struct cleanse {
    const cleanse_options *options;
    cleanse_found *found;   /* one per class of the inspection */
    size_t done;            /* classes searched so far; they come first */
    cleanse_search *search; /* for the remaining classes */
    json_t *identity;       /* of the search; NULL without a folder */
    /* The file of triggers in the folder, and its checkpoint during the search. */
    char path[TD_PATH_SIZE], checkpoint[TD_PATH_SIZE];
    size_t *patched; /* classes to patch */
    size_t patched_count;
    td_net pruned; /* of --patch prune */
} cleanse;

/* --- the file of triggers --- */

/* DIR/triggers.safetensors holds the exact triggers: mask-K F32 [height, width] and pattern-K F32
 * [height, width, channels] of each searched class K, and as metadata (trapdoor.cleanse) the
 * settings of the search. During a search the triggers so far are in
 * DIR/triggers.safetensors.checkpoint, so that an earlier run's record stays valid until it is
 * replaced. */
extern const char cleanse_state_name[];

/* Everything that determines the triggers: a new reference. */
td_status cleanse_identity(const inspection *in, json_t **out, td_error *error) TD_MUST_USE;

/* Creates the search's identity and, with --resume, loads existing triggers, preferring the
 * checkpoint. TD_ERR_USAGE if they are of another search, or if they exist and neither --resume nor
 * --force is given. */
td_status cleanse_state_load(inspection *in, td_error *error) TD_MUST_USE;

/* Writes all triggers so far to the checkpoint, if there is a folder. */
td_status cleanse_state_write(const inspection *in, td_error *error) TD_MUST_USE;

/* Adds the file to the run's outputs, which supersede the checkpoint. */
td_status cleanse_state_add(const inspection *in, td_error *error) TD_MUST_USE;

/* --- patches --- */

/* Applies --patch, if a class is flagged or named. */
td_status cleanse_apply_patch(inspection *in, td_error *error) TD_MUST_USE;

#endif
