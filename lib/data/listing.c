#include "data/listing.h"

#include "base/file.h"
#include "data/format.h"
#include "data/picture.h"
#include <string.h>

/* Whether an array of `count` elements that grows by doubling is full. */
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
    *listing = (td_listing){0};
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

/* [*low, *high) within `from` pixels, as it lies within `to` pixels. All are below 2^32. */
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

/* td_picture_read with the file's digest. */
static td_status read_and_digest(td_bitmap *picture, td_digest *digest, const char *path,
                                 td_error *error) {
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    *digest = td_sha256(map.data, map.size);
    td_status status = td_picture_decode(picture, map.data, map.size, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

td_status td_listing_decode(const td_listing *listing, size_t index, bool cut, td_bitmap *picture,
                            td_box *box, td_digest *digest, td_error *error) {
    const td_listed *image = &listing->images[index];
    TD_TRY(digest ? read_and_digest(picture, digest, image->path, error)
                  : td_picture_read(picture, image->path, error));
    *box = cut ? box_within(image, picture) : (td_box){0};
    return TD_OK;
}

td_status td_listing_read(const td_listing *listing, size_t index, bool cut, const td_fit *fit,
                          uint8_t *out, td_error *error) {
    td_bitmap picture;
    td_box box;
    TD_TRY(td_listing_decode(listing, index, cut, &picture, &box, NULL, error));
    td_status status = td_fit_picture(&picture, box, fit, out, error);
    td_bitmap_free(&picture);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "%s", listing->images[index].path);
}
