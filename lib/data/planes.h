/* SPDX-License-Identifier: MIT */
/* Images stored plane by plane (CHW), as in CIFAR's and PyTorch's files and in flattened nodes. */
#ifndef TD_DATA_PLANES_H
#define TD_DATA_PLANES_H

#include "base/shape.h"
#include <stddef.h>
#include <stdint.h>

enum { TD_PLANES = 3 };

typedef struct td_planes {
    const uint8_t *first; /* the first image's first plane */
    size_t count;         /* images */
    size_t stride;        /* bytes from one image to the next */
    size_t plane_size;    /* pixels of an image */
} td_planes;

/* Copies the images to `out` as [count, plane_size, TD_PLANES], the order of td_images. Parallel.
 */
void td_planes_interleave(const td_planes *planes, uint8_t *out);

/* One image of floats: from planes to channels innermost, and back. */
void td_planes_join(const float *planes, td_shape shape, float *image);
void td_planes_split(const float *image, td_shape shape, float *planes);

#endif
