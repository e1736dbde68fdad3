/* RGB images stored plane by plane (CHW), as CIFAR's files and PyTorch have them. */
#ifndef TD_DATA_PLANES_H
#define TD_DATA_PLANES_H

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

#endif
