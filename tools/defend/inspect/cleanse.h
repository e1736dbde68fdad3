/* SPDX-License-Identifier: MIT */
/* Neural Cleanse: the method (cleanse.c), its search for a class (cleanse_search.h), the triggers
 * found so far in a file (cleanse_state.c), and what removes a backdoor (cleanse_patch.c). */
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
    bool patches;              /* whether --patch is given */
    int patch;                 /* then: a cleanse_patch */
    const char *patch_classes; /* LIST, or NULL: those flagged */
    td_train_options tune;     /* unlearn */
    double share;              /* unlearn: of the clean images, stamped, in (0, 1] */
    double tolerance;          /* prune: by how much the accuracy may fall */
    double fpr;                /* filter: the share of clean images that may be rejected */
} cleanse_options;

/* The state of an inspection by Neural Cleanse. */
typedef struct cleanse {
    const cleanse_options *options;
    cleanse_found *found;   /* of each of the inspection's classes */
    size_t done;            /* how many of these are searched for; they come first */
    cleanse_search *search; /* for the others */
    json_t *identity;       /* of the search; NULL without a folder */
    /* Of the file of triggers, with a folder, and of what it is during the search. */
    char path[TD_PATH_SIZE], checkpoint[TD_PATH_SIZE];
    size_t *patched; /* classes to patch */
    size_t patched_count;
    td_net pruned; /* of --patch prune */
} cleanse;

/* --- the file of triggers --- */

/* The triggers stand in DIR/triggers.safetensors, exact: mask-K F32 [height, width] and pattern-K
 * F32 [height, width, channels] of each class K that was searched for, and as metadata
 * (trapdoor.cleanse) how they were found. During a search those found so far are in
 * DIR/triggers.safetensors.checkpoint, so that the record of an earlier one stays true until this
 * one's comes. */
extern const char cleanse_state_name[];

/* All that decides about the triggers: a new reference. */
td_status cleanse_identity(const inspection *in, json_t **out, td_error *error) TD_MUST_USE;

/* Makes the search's identity and, with --resume, takes over what stands there, the checkpoint
 * first. TD_ERR_USAGE if it is of another search, or if it stands there and neither --resume nor
 * --force is given. */
td_status cleanse_state_load(inspection *in, td_error *error) TD_MUST_USE;

/* Writes all that is searched to the checkpoint, if there is a folder. */
td_status cleanse_state_write(const inspection *in, td_error *error) TD_MUST_USE;

/* Adds it to the run's outputs, which supersede the checkpoint. */
td_status cleanse_state_add(const inspection *in, td_error *error) TD_MUST_USE;

/* --- patches --- */

/* What --patch asks for, if a class is flagged or named. */
td_status cleanse_apply_patch(inspection *in, td_error *error) TD_MUST_USE;

#endif
