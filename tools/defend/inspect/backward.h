/* SPDX-License-Identifier: MIT */
/* The backward pass of a search, which notes whether a gradient reaches the image at all. */
#ifndef TOOLS_DEFEND_INSPECT_BACKWARD_H
#define TOOLS_DEFEND_INSPECT_BACKWARD_H

#include "nn/exec.h"

/* The gradient with respect to the images of the last forward pass, [count]. Sets *found once one
 * is not 0 everywhere. */
static inline const float *inspect_backward(td_exec *exec, size_t count, bool *found) {
    const float *gradient = td_exec_backward(exec, NULL);
    for (size_t i = 0; i < count && !*found; i++)
        *found = gradient[i] != 0;
    return gradient;
}

#endif
