#include "data/planes.h"

#include "base/parallel.h"

enum { IMAGES_PER_CHUNK = 64 };

typedef struct interleaving {
    const td_planes *planes;
    uint8_t *out;
} interleaving;

static void interleave_image(const uint8_t *restrict from, size_t size, uint8_t *restrict to) {
    for (size_t p = 0; p < size; p++)
        for (size_t c = 0; c < TD_PLANES; c++)
            to[TD_PLANES * p + c] = from[c * size + p];
}

static void interleave_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const interleaving *work = context;
    const td_planes *planes = work->planes;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        interleave_image(planes->first + i * planes->stride, planes->plane_size,
                         work->out + i * TD_PLANES * planes->plane_size);
}

void td_planes_interleave(const td_planes *planes, uint8_t *out) {
    interleaving work = {planes, out};
    td_parallel_for(planes->count, IMAGES_PER_CHUNK, interleave_chunk, &work);
}
