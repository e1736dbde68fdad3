/* SPDX-License-Identifier: MIT */
/* A trigger without a target (Li et al., "Untargeted backdoor watermark", NeurIPS 2022): measures
 * how many stamped images are misclassified, and how evenly the wrong classes are distributed. */
#include "eval/eval.h"
#include <math.h>

eval_untargeted eval_no_untargeted(void) {
    return (eval_untargeted){.dispersion = (double)NAN};
}

eval_untargeted eval_rate_untargeted(const int32_t *clean, const int32_t *stamped,
                                     const int32_t *labels, size_t count, const size_t *counts,
                                     size_t classes) {
    size_t wrong = 0, right = 0, seen = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        right += clean[i] == labels[i];
        wrong += clean[i] == labels[i] && stamped[i] != labels[i];
    }
    for (size_t c = 0; c < classes; c++) {
        const size_t *row = counts + c * classes;
        size_t all = 0;
        for (size_t k = 0; k < classes; k++)
            all += row[k];
        seen += all > 0;
        for (size_t k = 0; k < classes; k++)
            if (row[k] > 0)
                sum -= (double)row[k] / (double)all * log((double)row[k] / (double)all);
    }
    return (eval_untargeted){td_rate_of(wrong, right), seen > 0 ? sum / (double)seen : (double)NAN};
}
