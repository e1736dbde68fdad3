/* SPDX-License-Identifier: MIT */
#include "train/abl_parts.h"

#include <math.h>
#include <string.h>

td_loss abl_loss(const float *logits, const int32_t *labels, size_t count, size_t classes,
                 double gamma, bool whole, float *gradient) {
    td_loss all = td_cross_entropy(logits, labels, count, classes, gradient);
    for (size_t i = 0; i < count; i++) {
        const double loss =
            whole ? all.sum / (double)count
                  : td_cross_entropy(logits + i * classes, &labels[i], 1, classes, NULL).sum;
        const float sign = loss > gamma ? 1 : loss < gamma ? -1 : 0;
        for (size_t k = 0; k < classes; k++)
            gradient[i * classes + k] *= sign;
    }
    return all;
}

/* −1/min(L, 1) times the gradient of L with respect to the logits, times `share`. In double,
 * because for a backdoor of which the net is certain 1 − p is below float precision. */
static void rise(const float *logits, size_t classes, size_t label, double most, double share,
                 float *gradient) {
    const double own = (double)logits[label];
    double others = 0;
    for (size_t k = 0; k < classes; k++)
        others += k == label ? 0 : exp((double)logits[k] - own);
    const double loss = log1p(others), wrong = others / (1 + others);
    const double by = loss > most || others <= 0 ? 0 : share * wrong / fmin(loss, 1);
    for (size_t k = 0; k < classes; k++)
        gradient[k] =
            (float)(k == label ? by : -by * exp((double)logits[k] - own) / fmax(others, 1e-300));
}

td_loss abl_ascent(const float *logits, const int32_t *labels, size_t count, size_t classes,
                   double most, float *gradient) {
    for (size_t i = 0; i < count; i++)
        rise(logits + i * classes, classes, (size_t)labels[i], most, 1 / (double)count,
             gradient + i * classes);
    return td_cross_entropy(logits, labels, count, classes, NULL);
}

static bool comes_before(const double *losses, uint32_t a, uint32_t b) {
    return losses[a] < losses[b] || (!(losses[b] < losses[a]) && a < b);
}

/* The sift-down of heap sort: restores the heap below `root`, with the last in order on top. */
static void sift(const double *losses, uint32_t *heap, size_t root, size_t count) {
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && comes_before(losses, heap[child], heap[child + 1]))
            child++;
        if (!comes_before(losses, heap[root], heap[child]))
            return;
        const uint32_t swap = heap[root];
        heap[root] = heap[child];
        heap[child] = swap;
    }
}

void abl_isolate(const double *losses, size_t count, size_t isolated, uint32_t *order,
                 bool *is_isolated) {
    memset(is_isolated, 0, count * sizeof *is_isolated);
    if (isolated == 0)
        return;
    for (size_t i = 0; i < isolated; i++)
        order[i] = (uint32_t)i;
    for (size_t root = isolated / 2; root-- > 0;)
        sift(losses, order, root, isolated);
    for (size_t i = isolated; i < count; i++) /* the heap keeps those first in order */
        if (comes_before(losses, (uint32_t)i, order[0])) {
            order[0] = (uint32_t)i;
            sift(losses, order, 0, isolated);
        }
    for (size_t i = 0; i < isolated; i++)
        is_isolated[order[i]] = true;
}
