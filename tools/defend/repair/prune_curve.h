/* How a model does as channels are masked one by one. */
#ifndef TOOLS_DEFEND_REPAIR_PRUNE_CURVE_H
#define TOOLS_DEFEND_REPAIR_PRUNE_CURVE_H

#include "defend/repair/evaluate.h"

typedef struct prune_curve {
    size_t steps;                       /* channels; step k has the first k of the order masked */
    td_rate *accuracy;                  /* [steps + 1] */
    td_rate *asr[REPAIR_MOST_TRIGGERS]; /* of each backdoor, [steps + 1] */
} prune_curve;

typedef struct prune_subject {
    const td_net *net;
    const float *weights;
    size_t mask;         /* the mask's node; what is 0 in it stays 0 */
    const size_t *order; /* [channels]: which channel is masked at each step */
} prune_subject;

/* Measures on `images`, the first of which has the number `first` in its split; ASR by the
 * evaluator's backdoors. The arrays are in `arena`. TD_ERR_INTERRUPTED. */
td_status prune_measure(const prune_subject *subject, const repair_evaluator *evaluator,
                        const td_images *images, size_t first, td_arena *arena, prune_curve *curve,
                        td_error *error) TD_MUST_USE;

/* The largest number of channels, at most all but one, such that masking it, or any smaller number,
 * takes at most `tolerance` from the accuracy. */
size_t prune_choose(const prune_curve *curve, double tolerance);

#endif
