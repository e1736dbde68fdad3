/* SPDX-License-Identifier: MIT */
#include "data/pictures.h"

#include "base/parallel_try.h"
#include "base/size.h"
#include <stdatomic.h>

enum { PICTURES_A_CHUNK = 32, GREY = 1, RGB = 3 };

typedef struct work {
    const td_listing *listing;
    td_fit fit; /* the shape of all */
    uint8_t *pixels;
    td_digest *digests; /* of the files */
    atomic_bool colour; /* whether any picture has colour */
    atomic_size_t facts[TD_FACTS];
} work;

static bool has_colour(const td_bitmap *picture) {
    return picture->channels >= RGB;
}

static void count_facts(work *w, const td_facts *facts) {
    for (size_t i = 0; i < TD_FACTS; i++)
        if (facts->has[i])
            atomic_fetch_add(&w->facts[i], 1);
}

static td_status place(work *w, const td_bitmap *picture, size_t index, td_error *error) {
    const char *path = w->listing->images[index].path;
    const td_fit *fit = &w->fit;
    if (picture->width != fit->width || picture->height != fit->height)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected %zux%zu as %s has, found %zux%zu; `trapdoor-data import "
                       "--size WxH` makes them one size",
                       path, fit->width, fit->height, w->listing->images[0].path, picture->width,
                       picture->height);
    if (has_colour(picture))
        atomic_store(&w->colour, true);
    size_t size = fit->height * fit->width * fit->channels;
    td_status status = td_fit_picture(picture, (td_box){0}, fit, w->pixels + index * size, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

static td_status decode(void *context, size_t index, td_error *error) {
    work *w = context;
    td_read_picture picture;
    TD_TRY(td_listing_decode(w->listing, index, false, true, &picture, error));
    w->digests[index] = picture.digest;
    count_facts(w, &picture.facts);
    td_status status = place(w, &picture.bitmap, index, error);
    td_bitmap_free(&picture.bitmap);
    return status;
}

/* Allocates all pictures in the shape of w->fit. */
static td_status make_room(work *w, td_dataset *set, td_error *error) {
    const size_t dims[] = {w->listing->count, w->fit.height, w->fit.width, w->fit.channels};
    size_t size;
    if (!td_size_product(dims, 4, &size))
        return td_fail_memory(error, "the images");
    return TD_ARENA_NEW(&set->arena, size, &w->pixels, "the images", error);
}

static td_status decode_all(work *w, td_dataset *set, td_error *error) {
    td_read_picture read;
    TD_TRY(td_listing_decode(w->listing, 0, false, false, &read, error));
    const td_bitmap *first = &read.bitmap;
    w->fit = (td_fit){first->height, first->width, has_colour(first) ? RGB : GREY, TD_NEAREST};
    td_bitmap_free(&read.bitmap);
    TD_TRY(make_room(w, set, error));
    TD_TRY(td_parallel_try(w->listing->count, PICTURES_A_CHUNK, decode, w, error));
    if (w->fit.channels == RGB || !atomic_load(&w->colour))
        return TD_OK;
    /* Grey pictures came first, a colour picture later. */
    w->fit.channels = RGB;
    for (size_t i = 0; i < TD_FACTS; i++)
        atomic_store(&w->facts[i], 0);
    TD_TRY(make_room(w, set, error));
    return td_parallel_try(w->listing->count, PICTURES_A_CHUNK, decode, w, error);
}

static td_status fill(td_dataset *set, const td_listing *listing, td_error *error) {
    work w = {.listing = listing};
    TD_TRY(TD_ARENA_NEW(&set->arena, listing->count, &w.digests, "checksums", error));
    set->split = listing->split;
    set->first = listing->first;
    set->class_names = listing->class_names;
    TD_TRY(decode_all(&w, set, error));
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&set->arena, listing->count, &labels, "labels", error));
    for (size_t i = 0; i < listing->count; i++)
        labels[i] = listing->images[i].label;
    set->images = (td_images){.count = listing->count,
                              .height = w.fit.height,
                              .width = w.fit.width,
                              .channels = w.fit.channels,
                              .classes = listing->classes,
                              .pixels = w.pixels,
                              .labels = labels};
    set->folder = listing->root;
    for (size_t i = 0; i < TD_FACTS; i++)
        set->remarks.pictures[i] = atomic_load(&w.facts[i]);
    return td_listing_digest(listing, w.digests, &set->folder_files, &set->folder_digest, error);
}

td_status td_pictures_open(td_dataset *set, td_listing *listing, td_error *error) {
    td_listing source = *listing;
    *listing = (td_listing){0};
    set->arena = source.arena;
    return fill(set, &source, error);
}
