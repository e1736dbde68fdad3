/* SPDX-License-Identifier: MIT */
/* Properties of an opened data set. */
#ifndef TESTS_FUZZ_SET_H
#define TESTS_FUZZ_SET_H

#include "data/dataset.h"

/* Opens DATA, which may be refused. A set that opens has labels within its classes and all its
 * pixels; it can be written, and reads back unchanged. */
void fuzz_set(const char *data, const char *split);

#endif
