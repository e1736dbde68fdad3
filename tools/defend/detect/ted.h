/* SPDX-License-Identifier: MIT */
/* The ranks of TED (Mo, Zhang, Zhang, Xu, Tian, Zhang, Guo and Luo, "Robust backdoor detection for
 * deep learning via topological evolution dynamics", IEEE S&P 2024, section IV). */
#ifndef TOOLS_DEFEND_DETECT_TED_H
#define TOOLS_DEFEND_DETECT_TED_H

#include <stddef.h>
#include <stdint.h>

/* How many of the images at these distances from an input are nearer than the nearest one of its
 * class: 0 if that is the nearest of all, or as near; `count` if there is none. */
size_t ted_rank(const double *distances, const int32_t *classes, size_t count, int32_t class);

#endif
