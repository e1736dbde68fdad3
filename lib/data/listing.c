/* SPDX-License-Identifier: MIT */
#include "data/listing.h"

#include "base/file.h"
#include "data/format.h"
#include "data/orientation.h"
#include "data/picture.h"
#include <string.h>

const td_reading td_reading_standard = {.ground = {{255, 255, 255}}};

/* Whether an array of `count` elements whose capacity doubles is full. */
static bool is_full(size_t count) {
    return (count & (count - 1)) == 0;
}

td_status td_listing_add(td_listing *listing, const td_listed *image, td_error *error) {
    size_t count = listing->count;
    if (is_full(count)) {
        td_listed *images;
        TD_TRY(TD_ARENA_NEW(&listing->arena, count ? 2 * count : 1, &images, "the listing", error));
        if (count > 0)
            memcpy(images, listing->images, count * sizeof *images);
        listing->images = images;
    }
    char *path;
    TD_TRY(td_arena_text(&listing->arena, image->path, strlen(image->path), &path, error));
    listing->images[count] = *image;
    listing->images[count].path = path;
    listing->count++;
    return TD_OK;
}

td_status td_listing_add_index(td_listing *listing, const char *path, const td_digest *digest,
                               td_error *error) {
    size_t count = 0;
    while (listing->indices && listing->indices[count])
        count++;
    const char **indices;
    td_digest *digests;
    char *copy;
    TD_TRY(TD_ARENA_NEW(&listing->arena, count + 2, &indices, "the listing", error));
    TD_TRY(TD_ARENA_NEW(&listing->arena, count + 1, &digests, "the listing", error));
    TD_TRY(td_arena_text(&listing->arena, path, strlen(path), &copy, error));
    if (count > 0) {
        memcpy(indices, listing->indices, count * sizeof *indices);
        memcpy(digests, listing->index_digests, count * sizeof *digests);
    }
    indices[count] = copy;
    digests[count] = *digest;
    listing->indices = indices;
    listing->index_digests = digests;
    return TD_OK;
}

td_status td_listing_of(td_listing *listing, const td_format *format, const td_request *request,
                        const char *data, td_error *error) {
    *listing = (td_listing){.reading = td_reading_standard};
    td_source source = td_source_of(request);
    td_status status = format->list(listing, &source, error);
    if (status == TD_OK)
        status = td_request_check_range(request, data, listing->count, error);
    if (status != TD_OK) {
        td_listing_close(listing);
        return status;
    }
    if (request->has_range) {
        listing->images += request->begin;
        listing->count = request->end - request->begin;
        listing->first = request->begin;
    }
    return TD_OK;
}

td_status td_listing_open(td_listing *listing, bool *found, const char *data, const char *split,
                          const char *folder, td_error *error) {
    *listing = (td_listing){0};
    *found = false;
    td_request request;
    const td_format *format;
    TD_TRY(td_request_read(&request, data, split, folder, error));
    TD_TRY(td_format_find(&format, request.path, error));
    if (!format->list)
        return TD_OK;
    TD_TRY(td_listing_of(listing, format, &request, data, error));
    *found = true;
    return TD_OK;
}

void td_listing_close(td_listing *listing) {
    td_arena_free(&listing->arena);
    *listing = (td_listing){0};
}

/* Scales the range [*low, *high) from `from` pixels to `to` pixels. All are below 2^32. */
static void scale_side(size_t *low, size_t *high, size_t from, size_t to) {
    *low = (2 * *low * to + from) / (2 * from);
    *high = (2 * *high * to + from) / (2 * from);
    if (*low == to)
        *low = to - 1;
    if (*high <= *low)
        *high = *low + 1;
}

static td_box box_within(const td_listed *image, const td_bitmap *picture) {
    td_box box = image->box;
    if (box.right == 0 || image->width == 0 || image->height == 0)
        return box;
    scale_side(&box.left, &box.right, image->width, picture->width);
    scale_side(&box.top, &box.bottom, image->height, picture->height);
    return box;
}

/* Decodes a file without reorientation. */
static td_status read_stored(td_read_picture *picture, const char *path, bool digest,
                             td_error *error) {
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    if (digest)
        picture->digest = td_sha256(map.data, map.size);
    td_status status = td_picture_decode_stored(&picture->bitmap, map.data, map.size, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

/* Converts a stored picture to the displayed one. */
static td_status show(td_read_picture *picture, const td_reading *reading, td_error *error) {
    td_bitmap *bitmap = &picture->bitmap;
    bool *has = picture->facts.has;
    td_alpha alpha;
    if (!reading->as_stored)
        TD_TRY(td_orientation_apply(bitmap, bitmap->orientation, error));
    TD_TRY(td_ground_lay(bitmap, reading->ground, &alpha, error));
    has[reading->as_stored ? TD_FACT_LEFT : TD_FACT_TURNED] = bitmap->orientation > TD_UPRIGHT;
    has[TD_FACT_ALPHA] = alpha.had;
    has[TD_FACT_TRANSPARENT] = alpha.transparent;
    has[TD_FACT_LOST] = alpha.lost;
    has[TD_FACT_CMYK] = bitmap->cmyk;
    return TD_OK;
}

td_status td_listing_decode(const td_listing *listing, size_t index, bool cut, bool digest,
                            td_read_picture *picture, td_error *error) {
    const td_listed *image = &listing->images[index];
    *picture = (td_read_picture){0};
    TD_TRY(read_stored(picture, image->path, digest, error));
    td_status status = show(picture, &listing->reading, error);
    if (status != TD_OK) {
        td_bitmap_free(&picture->bitmap);
        return td_fail_within(error, status, "%s", image->path);
    }
    if (cut)
        picture->box = box_within(image, &picture->bitmap);
    return TD_OK;
}

td_status td_listing_read(const td_listing *listing, size_t index, bool cut, const td_fit *fit,
                          uint8_t *out, td_error *error) {
    td_read_picture picture;
    TD_TRY(td_listing_decode(listing, index, cut, false, &picture, error));
    td_status status = td_fit_picture(&picture.bitmap, picture.box, fit, out, error);
    td_bitmap_free(&picture.bitmap);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "%s", listing->images[index].path);
}
