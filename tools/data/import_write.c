/* SPDX-License-Identifier: MIT */
/* Converts pictures to images a block at a time: decodes and fits them in parallel, then writes. */
#include "import.h"

#include "base/parallel_try.h"
#include "base/size.h"
#include "data/path.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    PICTURES_A_CHUNK = 32,
    MOST_PICTURES_A_BLOCK = 4096,
    BLOCK_BYTES = 64 << 20, /* limit of a block, unless one image is larger */
    GREY = 1,
    RGB = 3,
};

typedef struct work {
    tool_run *run;
    const import_request *request; /* the run's own settings */
    const import_source *source;
    const import_selection *selection;
    td_fit fit; /* the shape of all images */
    size_t size, per_block, done;
    uint8_t *block;
    td_digest *digests; /* [source->count]: of the files read; NULL if no record is requested */
    atomic_size_t resized, made_grey, made_rgb, facts[TD_FACTS];
    atomic_bool above_one, above_zero; /* of all values */
    atomic_bool colour_after_grey;
} work;

static bool has_colour(const td_bitmap *picture) {
    return picture->channels >= RGB;
}

static void measure(const import_picture *picture, size_t *width, size_t *height) {
    const td_box *box = &picture->read.box;
    bool whole = box->right == 0;
    *width = whole ? picture->read.bitmap.width : box->right - box->left;
    *height = whole ? picture->read.bitmap.height : box->bottom - box->top;
}

/* Without --size all pictures must have that of the first. */
static td_status check_size(const work *w, const import_picture *picture, size_t index,
                            td_error *error) {
    size_t width, height;
    measure(picture, &width, &height);
    if (w->request->width || (width == w->fit.width && height == w->fit.height))
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "%s: expected %zux%zu as %s has, found %zux%zu; --size WxH makes them one size",
                   import_source_name(w->source, index).text, w->fit.width, w->fit.height,
                   import_source_name(w->source, w->selection->order[0]).text, width, height);
}

static void count_changes(work *w, const import_picture *picture) {
    size_t width, height;
    measure(picture, &width, &height);
    bool colour = has_colour(&picture->read.bitmap);
    if (width != w->fit.width || height != w->fit.height)
        atomic_fetch_add(&w->resized, 1);
    if (colour && w->fit.channels == GREY)
        atomic_fetch_add(&w->made_grey, 1);
    if (!colour && w->fit.channels == RGB)
        atomic_fetch_add(&w->made_rgb, 1);
    for (size_t i = 0; i < TD_FACTS; i++)
        if (picture->read.facts.has[i])
            atomic_fetch_add(&w->facts[i], 1);
}

/* In most sets the first image has a value above 1; then the others need no check. */
static void look_at_values(work *w, const uint8_t *image) {
    if (atomic_load_explicit(&w->above_one, memory_order_relaxed))
        return;
    for (size_t i = 0; i < w->size; i++) {
        if (image[i] > 0)
            atomic_store(&w->above_zero, true);
        if (image[i] > 1) {
            atomic_store(&w->above_one, true);
            return;
        }
    }
}

static td_status fit_picture(work *w, const import_picture *picture, size_t index, uint8_t *out,
                             td_error *error) {
    TD_TRY(check_size(w, picture, index, error));
    if (w->fit.channels == GREY && !w->request->grey && has_colour(&picture->read.bitmap)) {
        atomic_store(&w->colour_after_grey, true);
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a grey picture as those before it, found colour",
                       import_source_name(w->source, index).text);
    }
    count_changes(w, picture);
    td_status status =
        td_fit_picture(&picture->read.bitmap, picture->read.box, &w->fit, out, error);
    if (status == TD_OK) {
        look_at_values(w, out);
        return TD_OK;
    }
    return td_fail_within(error, status, "%s", import_source_name(w->source, index).text);
}

static td_status make_image(void *context, size_t place, td_error *error) {
    work *w = context;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    size_t index = w->selection->order[w->done + place];
    import_picture picture;
    TD_TRY(
        import_source_picture(w->source, index, w->request, w->digests != NULL, &picture, error));
    if (w->digests)
        w->digests[index] = picture.read.digest;
    td_status status = fit_picture(w, &picture, index, w->block + place * w->size, error);
    import_picture_free(&picture);
    return status;
}

static td_status next_block(void *context, const void **piece, size_t *bytes, td_error *error) {
    work *w = context;
    size_t count = td_size_min(w->per_block, w->selection->count - w->done);
    TD_TRY(td_parallel_try(count, PICTURES_A_CHUNK, make_image, w, error));
    w->done += count;
    tool_run_show(w->run, w->done, NULL);
    *piece = w->block;
    *bytes = count * w->size;
    return TD_OK;
}

/* DATA without the folders of a path: "gtsrb:train". */
static void source_name(char *out, size_t room, const char *data) {
    const char *base = data;
    for (const char *slash = strchr(data, '/'); slash; slash = strchr(slash + 1, '/'))
        if (!strchr("/:", slash[1])) /* not even the end, which strchr finds as well */
            base = slash + 1;
    size_t length = 0;
    for (; *base && length + 1 < room; base++)
        if (*base != '/')
            out[length++] = *base;
    out[length] = '\0';
}

/* Allocates a block of images of the shape in w->fit. */
static td_status start(work *w, td_error *error) {
    const size_t dims[] = {w->fit.height, w->fit.width, w->fit.channels};
    size_t pixels;
    if (!td_size_product(dims, 3, &w->size) || !td_size_mul(w->size, w->selection->count, &pixels))
        return td_fail_memory(error, "the images");
    w->done = 0;
    w->per_block = td_size_max(1, td_size_min(MOST_PICTURES_A_BLOCK, BLOCK_BYTES / w->size));
    w->per_block = td_size_min(w->per_block, w->selection->count);
    atomic_store(&w->resized, 0);
    atomic_store(&w->made_grey, 0);
    atomic_store(&w->made_rgb, 0);
    for (size_t i = 0; i < TD_FACTS; i++)
        atomic_store(&w->facts[i], 0);
    atomic_store(&w->above_one, false);
    atomic_store(&w->above_zero, false);
    return td_arena_alloc(&w->run->arena, w->per_block, w->size, (void **)&w->block, "images",
                          error);
}

static td_images shape_of(const work *w) {
    return (td_images){.count = w->selection->count,
                       .height = w->fit.height,
                       .width = w->fit.width,
                       .channels = w->fit.channels,
                       .classes = w->selection->classes,
                       .labels = w->selection->labels};
}

static td_status write_stream(work *w, FILE *stream, td_error *error) {
    char name[TD_PATH_SIZE];
    td_images images = shape_of(w);
    td_pieces pixels = {next_block, w};
    source_name(name, sizeof name, w->request->data);
    td_status status = td_dataset_write_pieces(stream, &images, &pixels, w->selection->class_names,
                                               name, w->source->split, error);
    return td_name_stream(error, status, stream, w->run->common->output);
}

static td_status record_pictures(const work *w, tool_record *record, td_error *error) {
    const import_source *source = w->source;
    size_t files;
    td_digest digest;
    TD_TRY(td_listing_digest(&source->listing, w->digests, &files, &digest, error));
    tool_record_folder(record, source->listing.root, files, &digest, NULL);
    return TD_OK;
}

/* A colour picture after grey ones restarts the file in RGB, which is impossible on a device. */
static td_status write_file(work *w, td_error *error) {
    tool_run *run = w->run;
    const char *path = run->common->output;
    const bool can_repeat = !td_path_exists(path) || td_path_is_file(path);
    FILE *stream;
    TD_TRY(start(w, error));
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    td_status status = write_stream(w, stream, error);
    if (status == TD_OK)
        status = tool_outputs_finish(&run->outputs, w->digests ? &run->record : NULL, error);
    if (status == TD_OK)
        return w->digests && w->source->is_listing ? record_pictures(w, &run->record, error)
                                                   : TD_OK;
    if (!can_repeat || !atomic_exchange(&w->colour_after_grey, false))
        return status;
    tool_outputs_drop(&run->outputs);
    w->fit.channels = RGB;
    return write_file(w, error);
}

/* The shape of the first picture, except for requested sizes. */
static td_status choose_shape(work *w, td_error *error) {
    const import_request *request = w->request;
    size_t first = w->selection->order[0];
    import_picture picture;
    TD_TRY(import_source_picture(w->source, first, request, false, &picture, error));
    measure(&picture, &w->fit.width, &w->fit.height);
    if (request->width) {
        w->fit.width = request->width;
        w->fit.height = request->height;
    }
    w->fit.channels = request->grey || !has_colour(&picture.read.bitmap) ? GREY : RGB;
    w->fit.filter = (td_filter)request->filter;
    import_picture_free(&picture);
    return TD_OK;
}

td_status import_write(import_result *result, tool_run *run, const import_source *source,
                       const import_selection *selection, td_error *error) {
    work w = {.run = run, .request = run->own, .source = source, .selection = selection};
    if (run->common->json)
        TD_TRY(TD_ARENA_NEW(&run->arena, source->count, &w.digests, "checksums", error));
    if (w.digests && !source->is_listing)
        TD_TRY(tool_record_dataset(&run->record, &source->set, error));
    TD_TRY(choose_shape(&w, error));
    tool_run_begin(run, "importing", "images", selection->count);
    TD_TRY(write_file(&w, error));
    *result = (import_result){.images = shape_of(&w),
                              .resized = atomic_load(&w.resized),
                              .made_grey = atomic_load(&w.made_grey),
                              .made_rgb = atomic_load(&w.made_rgb)};
    for (size_t i = 0; i < TD_FACTS; i++)
        result->remarks.pictures[i] = atomic_load(&w.facts[i]);
    result->remarks.ones = atomic_load(&w.above_zero) && !atomic_load(&w.above_one);
    return TD_OK;
}
