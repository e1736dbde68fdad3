/* SPDX-License-Identifier: MIT */
/* The shape of an image or of a node's output for one image: height × width × channels, channels
 * innermost (NHWC). */
#ifndef TD_BASE_SHAPE_H
#define TD_BASE_SHAPE_H

#include <stddef.h>

typedef struct td_shape {
    size_t height, width, channels;
} td_shape;

static inline size_t td_shape_size(td_shape shape) {
    return shape.height * shape.width * shape.channels;
}

#endif
