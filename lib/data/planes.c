/* SPDX-License-Identifier: MIT */
#include "data/planes.h"

#include "base/parallel.h"

typedef struct interleaving {
    const td_planes *planes;
    uint8_t *out;
} interleaving;

static void interleave_image(const uint8_t *restrict from, size_t size, uint8_t *restrict to) {
    for (size_t p = 0; p < size; p++)
        for (size_t c = 0; c < TD_PLANES; c++)
            to[TD_PLANES * p + c] = from[c * size + p];
}

static void interleave_one(void *context, size_t i) {
    const interleaving *work = context;
    const td_planes *planes = work->planes;
    interleave_image(planes->first + i * planes->stride, planes->plane_size,
                     work->out + i * TD_PLANES * planes->plane_size);
}

void td_planes_interleave(const td_planes *planes, uint8_t *out) {
    interleaving work = {planes, out};
    td_parallel_each(planes->count, interleave_one, &work);
}

void td_planes_join(const float *planes, td_shape shape, float *image) {
    const size_t places = shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++)
        for (size_t p = 0; p < places; p++)
            image[p * shape.channels + c] = planes[c * places + p];
}

void td_planes_split(const float *image, td_shape shape, float *planes) {
    const size_t places = shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++)
        for (size_t p = 0; p < places; p++)
            planes[c * places + p] = image[p * shape.channels + c];
}
