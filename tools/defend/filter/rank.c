/* SPDX-License-Identifier: MIT */
#include "defend/filter/rank.h"

#include "base/arena.h"
#include <stdint.h>
#include <stdlib.h>

typedef struct entry {
    double score;
    uint32_t image;
} entry;

/* Highest score first, ties by index. */
static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

td_status rank_top(const double *scores, size_t count, size_t top, bool *marked, double *lowest,
                   td_error *error) {
    td_arena arena = {0};
    entry *entries;
    TD_TRY(TD_ARENA_NEW(&arena, count, &entries, "scores", error));
    for (size_t i = 0; i < count; i++)
        entries[i] = (entry){scores[i], (uint32_t)i};
    qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 0; i < top; i++)
        marked[entries[i].image] = true;
    *lowest = entries[top - 1].score;
    td_arena_free(&arena);
    return TD_OK;
}
