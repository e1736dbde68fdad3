#include "nn/feed.h"

#include "base/parallel.h"

typedef struct feed {
    const td_images *images;
    const uint32_t *order;
    size_t first;
    float *out;
} feed;

static void feed_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const feed *f = context;
    const size_t size = td_image_size(f->images);
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++) {
        const uint8_t *restrict from =
            td_image(f->images, f->order ? f->order[f->first + i] : f->first + i);
        float *restrict to = f->out + i * size;
        for (size_t j = 0; j < size; j++)
            to[j] = from[j];
    }
}

void td_feed(const td_images *images, const uint32_t *order, size_t first, size_t count,
             float *out) {
    feed f = {images, order, first, out};
    td_parallel_for(count, 8, feed_chunk, &f);
}

td_status td_feed_check(const td_net *net, const td_images *images, td_error *error) {
    td_shape in = td_net_input(net);
    if (in.height == images->height && in.width == images->width && in.channels == images->channels)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "the net takes images of %zu×%zu×%zu (height×width×channels), the data's are "
                   "%zu×%zu×%zu",
                   in.height, in.width, in.channels, images->height, images->width,
                   images->channels);
}
