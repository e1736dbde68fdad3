/* SPDX-License-Identifier: MIT */
/* The boundary of SentiNet (Chou, Tramèr and Pellegrino, "SentiNet: detecting localized universal
 * attacks against deep learning systems", IEEE S&P workshops 2020). */
#ifndef TOOLS_DEFEND_DETECT_SENTINET_H
#define TOOLS_DEFEND_DETECT_SENTINET_H

#include <stddef.h>

/* The parabola a + b·x + c·x² nearest to `count` points by least squares, as {a, b, c}; of fewer
 * than three points the constant of the highest one, at least 0. */
void sentinet_curve(const double *x, const double *y, size_t count, double curve[3]);

#endif
