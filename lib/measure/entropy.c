/* SPDX-License-Identifier: MIT */
#include "measure/entropy.h"

#include <math.h>

double td_entropy(const float *probabilities, size_t classes) {
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double p = (double)probabilities[c];
        if (p > 0)
            sum += p * log2(p);
    }
    return 0 - sum; /* not -sum, which can be a negative zero */
}
