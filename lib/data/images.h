/* SPDX-License-Identifier: MIT */
/* Labelled images in memory: the view that the rest of the library works on. */
#ifndef TD_DATA_IMAGES_H
#define TD_DATA_IMAGES_H

#include <stddef.h>
#include <stdint.h>

typedef struct td_images {
    size_t count, height, width, channels; /* channels: 1 (grey) or 3 (RGB) */
    size_t classes;                        /* every label is in [0, classes) */
    const uint8_t *pixels;                 /* [count, height, width, channels], 0–255 */
    const int32_t *labels;                 /* [count] */
} td_images;

/* Bytes of one image. */
static inline size_t td_image_size(const td_images *images) {
    return images->height * images->width * images->channels;
}

static inline const uint8_t *td_image(const td_images *images, size_t index) {
    return images->pixels + index * td_image_size(images);
}

/* The view of images [begin, end); begin <= end <= count. Valid as long as `images`. */
static inline td_images td_images_slice(const td_images *images, size_t begin, size_t end) {
    td_images slice = *images;
    slice.count = end - begin;
    slice.pixels = td_image(images, begin);
    slice.labels = images->labels + begin;
    return slice;
}

#endif
