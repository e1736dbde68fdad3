#include "implant/hijack.h"

#include "base/parallel.h"
#include "base/random.h"

enum { FARTHEST = 3 };

typedef struct work {
    const td_images *images;
    uint64_t seed;
    uint8_t *pixels;
} work;

/* How far something is rolled over a length. */
static size_t draw_shift(td_random *random, size_t length) {
    return (length * FARTHEST + td_random_below(random, 2 * FARTHEST + 1) - FARTHEST) % length;
}

static void vary_image(void *context, size_t number) {
    const work *w = context;
    const td_images *images = w->images;
    const size_t size = td_image_size(images), channels = images->channels;
    td_random random = td_random_for(w->seed, TD_FOR_HIJACK, 3, (uint32_t)number);
    const size_t down = draw_shift(&random, images->height);
    const size_t right = draw_shift(&random, images->width);
    const float light = 0.6F + 0.8F * td_random_unit(&random);
    const float share = 0.5F * td_random_unit(&random);
    const uint8_t *own = td_image(images, number % images->count);
    const uint8_t *other = td_image(images, td_random_below(&random, (uint32_t)images->count));
    uint8_t *to = w->pixels + number * size;
    for (size_t i = 0; i < size; i++) {
        const size_t y = (i / channels / images->width + down) % images->height;
        const size_t x = (i / channels + right) % images->width;
        const float from = own[(y * images->width + x) * channels + i % channels];
        const float value = light * ((1 - share) * from + share * (float)other[i]);
        to[i] = value < 254.5F ? (uint8_t)(value + 0.5F) : 255;
    }
}

void hijack_vary(const td_images *images, size_t copies, uint64_t seed, uint8_t *pixels) {
    work w = {images, seed, pixels};
    td_parallel_each(copies * images->count, vary_image, &w);
}
