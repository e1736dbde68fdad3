/* Triggers and targets from the manifest that trapdoor-poison wrote beside its sets. */
#ifndef TOOLS_EVAL_MANIFEST_H
#define TOOLS_EVAL_MANIFEST_H

#include "base/arena.h"
#include "base/error.h"

typedef struct eval_pair {
    const char *trigger;
    size_t target;
    const char *output; /* the only one of several outputs that was poisoned with it, without its
                           ending; or NULL */
} eval_pair;

/* The pairs of the manifest at `path`, in `arena`. TD_ERR_FORMAT, too, if a set that stands beside
 * it is not the one that it was written with; a manifest alone is taken at its word. */
td_status eval_manifest_read(const char *path, td_arena *arena, eval_pair **pairs, size_t *count,
                             td_error *error) TD_MUST_USE;

#endif
