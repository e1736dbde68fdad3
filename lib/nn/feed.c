/* SPDX-License-Identifier: MIT */
#include "nn/feed.h"

#include "base/parallel.h"

typedef struct feed {
    const td_images *images;
    const uint32_t *order;
    size_t first;
    const td_augment_epoch *epoch; /* NULL for none */
    float *out;
} feed;

static void copy(const uint8_t *restrict from, size_t size, float *restrict to) {
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
}

static void feed_one(void *context, size_t i) {
    const feed *f = context;
    const size_t size = td_image_size(f->images);
    size_t index = f->order ? f->order[f->first + i] : f->first + i;
    if (f->epoch)
        td_augment_image(f->epoch, f->images, index, f->out + i * size);
    else
        copy(td_image(f->images, index), size, f->out + i * size);
}

void td_feed_augmented(const td_images *images, const uint32_t *order, size_t first, size_t count,
                       const td_augment_epoch *epoch, float *out) {
    feed f = {images, order, first, epoch, out};
    td_parallel_each(count, feed_one, &f);
}

void td_feed(const td_images *images, const uint32_t *order, size_t first, size_t count,
             float *out) {
    td_feed_augmented(images, order, first, count, NULL, out);
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
