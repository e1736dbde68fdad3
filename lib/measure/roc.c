/* SPDX-License-Identifier: MIT */
#include "measure/roc.h"

#include "base/arena.h"
#include "base/size.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static td_status sorted(const double *scores, size_t count, td_arena *arena, double **out,
                        td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, count, out, "scores", error));
    memcpy(*out, scores, count * sizeof **out);
    qsort(*out, count, sizeof **out, compare);
    return TD_OK;
}

/* Twice the number of pairs in which the suspect has the higher score, plus the number of ties. */
static double count_pairs(const double *benign, size_t benign_count, const double *suspects,
                          size_t suspect_count) {
    size_t below = 0, up_to = 0;
    double pairs = 0;
    for (size_t i = 0; i < suspect_count; i++) {
        while (below < benign_count && benign[below] < suspects[i])
            below++;
        while (up_to < benign_count && benign[up_to] <= suspects[i])
            up_to++;
        pairs += (double)(below + up_to);
    }
    return pairs;
}

td_status td_auroc_of(const double *benign, size_t benign_count, const double *suspects,
                      size_t suspect_count, td_auroc *out, td_error *error) {
    td_arena arena = {0};
    double *a, *b;
    td_status status = sorted(benign, benign_count, &arena, &a, error);
    if (status == TD_OK)
        status = sorted(suspects, suspect_count, &arena, &b, error);
    if (status == TD_OK) {
        double pairs = count_pairs(a, benign_count, b, suspect_count);
        out->value = pairs / 2 / (double)benign_count / (double)suspect_count;
        out->interval = td_auroc_interval(out->value, benign_count, suspect_count);
    }
    td_arena_free(&arena);
    return status;
}

/* Whether a test rejects this area: its squared distance from the estimate, in variances at this
 * area. */
static bool is_rejected(double area, double estimate, double benign, double suspects) {
    const double z = 1.959963984540054; /* the normal distribution's 97.5 % point */
    double others = (benign + suspects) / 2 - 1;
    double spread = 1 + others * ((1 - area) / (2 - area) + area / (1 + area));
    double variance = area * (1 - area) * spread / (benign * suspects);
    return (area - estimate) * (area - estimate) > z * z * variance;
}

/* The bound between `rejected` and `kept`. */
static double find_bound(double rejected, double kept, double estimate, double benign,
                         double suspects) {
    enum { HALVINGS = 60 };
    if (!is_rejected(rejected, estimate, benign, suspects))
        return rejected;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (rejected + kept) / 2;
        if (is_rejected(middle, estimate, benign, suspects))
            rejected = middle;
        else
            kept = middle;
    }
    return kept;
}

td_interval td_auroc_interval(double area, size_t benign_count, size_t suspect_count) {
    double benign = (double)benign_count, suspects = (double)suspect_count;
    return (td_interval){find_bound(0, area, area, benign, suspects),
                         find_bound(1, area, area, benign, suspects)};
}

size_t td_count_flagged(const double *scores, size_t count, double boundary) {
    size_t flagged = 0;
    for (size_t i = 0; i < count; i++)
        flagged += scores[i] >= boundary;
    return flagged;
}

td_detection td_detection_at(const double *benign, size_t benign_count, const double *suspects,
                             size_t suspect_count, double boundary) {
    size_t rejected = td_count_flagged(benign, benign_count, boundary);
    size_t flagged = td_count_flagged(suspects, suspect_count, boundary);
    return (td_detection){td_rate_of(rejected, benign_count),
                          td_rate_of(suspect_count - flagged, suspect_count)};
}

double td_threshold_above(double *scores, size_t count, double rate) {
    qsort(scores, count, sizeof *scores, compare);
    /* 0.05 x 100 may be slightly above or below 5; 5 is meant. */
    size_t above = (size_t)(rate * (double)count + 1e-9);
    return scores[count - 1 - td_size_min(above, count - 1)];
}
