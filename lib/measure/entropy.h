/* SPDX-License-Identifier: MIT */
/* The entropy of a model's predictions. */
#ifndef TD_MEASURE_ENTROPY_H
#define TD_MEASURE_ENTROPY_H

#include <stddef.h>

/* The Shannon entropy −Σ p log2 p of probabilities [classes], in bits, with 0·log2 0 = 0: from 0 to
 * log2 of the number of classes. */
double td_entropy(const float *probabilities, size_t classes);

#endif
