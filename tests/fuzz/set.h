/* SPDX-License-Identifier: MIT */
/* What must hold of a data set that opened. */
#ifndef TESTS_FUZZ_SET_H
#define TESTS_FUZZ_SET_H

#include "data/dataset.h"

/* Opens DATA, which may be refused. A set that opens has labels within its classes and pixels that
 * are all there; it can be written, and is then read again as it was. */
void fuzz_set(const char *data, const char *split);

#endif
