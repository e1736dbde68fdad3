/* SPDX-License-Identifier: MIT */
/* Obtains classes from a model: from the given one or, through a file of answers, from one that can
 * only be queried. Queries are bytes in both cases, so that both get the same queries. */
#include "base/parallel.h"
#include "base/size.h"
#include "data/dataset.h"
#include "data/npy.h"
#include "defend/detect/detect.h"
#include "nn/loss.h"
#include <string.h>

typedef struct detect_asking {
    uint8_t *made;      /* [DETECT_BATCH, size]: queries */
    float *scratch;     /* of each thread */
    int32_t *classes;   /* [DETECT_SLICE, count]: of the queries of a slice */
    int32_t *answers;   /* [total]: of a file; or NULL */
    size_t total, next; /* queries of all sets; those already answered from the file */
} detect_asking;

/* --- making queries --- */

/* Rows first, first + 1, ... of the queries of some images. */
typedef struct rows {
    const detect_job *job;
    const td_images *images;
    const uint32_t *numbers;
    size_t first;
    uint8_t *out;
} rows;

static void make_row(void *context, size_t i) {
    const rows *r = context;
    const detect_queries *queries = r->job->detector->queries;
    const size_t size = td_image_size(r->images), row = r->first + i;
    const size_t image = row / queries->count, query = row % queries->count;
    uint8_t *out = r->out + i * size;
    if (query == 0)
        memcpy(out, td_image(r->images, image), size);
    else
        queries->make(r->job, td_image(r->images, image), r->numbers[image], query, out,
                      r->job->asking->scratch + td_thread() * DETECT_SCRATCH * size);
}

/* --- answers --- */

static td_status check_answers(const td_npy *npy, size_t total, td_error *error) {
    char shape[TD_NPY_TEXT];
    const bool logits = npy->kind == TD_NPY_FLOAT;
    if (logits && npy->size < 4)
        return td_fail(error, TD_ERR_FORMAT, "expected numbers '<f4' or '<f8', found '%s'",
                       npy->descr);
    if (logits && npy->rank == 2 && npy->dims[0] == total && npy->dims[1] > 1)
        return TD_OK;
    if (!logits && npy->rank == 1 && npy->dims[0] == total)
        return TD_OK;
    return td_fail(
        error, TD_ERR_FORMAT, "expected %s, an answer to each image of --queries, found %s of '%s'",
        logits ? "logits (N, classes)" : "classes (N,)", td_npy_shape(npy, shape), npy->descr);
}

/* The index of the largest of a row of logits, the first of equals. */
static td_status largest(const td_npy *npy, size_t row, int32_t *out, td_error *error) {
    const size_t classes = npy->dims[1];
    double most = 0;
    for (size_t k = 0; k < classes; k++) {
        const uint8_t *at = npy->data + (row * classes + k) * npy->size;
        double value;
        float narrow;
        if (npy->size == sizeof narrow) {
            memcpy(&narrow, at, sizeof narrow);
            value = (double)narrow;
        } else {
            memcpy(&value, at, sizeof value);
        }
        if (value != value)
            return td_fail(error, TD_ERR_FORMAT, "row %zu: expected numbers, found NaN", row);
        if (k == 0 || value > most) {
            most = value;
            *out = (int32_t)k;
        }
    }
    return TD_OK;
}

/* A class stored as 1 to 8 little-endian bytes. */
static td_status whole_number(const td_npy *npy, size_t row, int32_t *out, td_error *error) {
    const uint8_t *at = npy->data + row * npy->size;
    uint64_t value = 0;
    for (size_t i = npy->size; i-- > 0;)
        value = value << 8 | at[i];
    if (value >= TD_MOST_CLASSES)
        return td_fail(error, TD_ERR_FORMAT, "row %zu: expected a class below %d", row,
                       TD_MOST_CLASSES);
    *out = (int32_t)value;
    return TD_OK;
}

static td_status take_answers(const td_npy *npy, size_t total, int32_t *out, td_error *error) {
    TD_TRY(check_answers(npy, total, error));
    for (size_t i = 0; i < total; i++)
        TD_TRY(npy->kind == TD_NPY_FLOAT ? largest(npy, i, &out[i], error)
                                         : whole_number(npy, i, &out[i], error));
    return TD_OK;
}

static td_status read_answers(detect_job *job, td_error *error) {
    const char *path = job->settings->logits;
    detect_asking *a = job->asking;
    td_npy npy;
    TD_TRY(tool_record_input(&job->run->record, path, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, a->total, &a->answers, "answers", error));
    TD_TRY(td_npy_open(&npy, path, error));
    td_status status = take_answers(&npy, a->total, a->answers, error);
    td_npy_close(&npy);
    return status == TD_OK ? tool_record_was_read(&job->run->record, path, error)
                           : td_fail_within(error, status, "%s", path);
}

td_status detect_query_open(detect_job *job, td_error *error) {
    const size_t count = job->detector->queries->count, size = td_image_size(&job->clean.images);
    td_arena *arena = &job->run->arena;
    detect_asking *a;
    TD_TRY(TD_ARENA_NEW(arena, 1, &job->asking, "queries", error));
    a = job->asking;
    TD_TRY(td_arena_alloc(arena, DETECT_BATCH, size, (void **)&a->made, "queries", error));
    TD_TRY(td_arena_alloc(arena, td_threads() * DETECT_SCRATCH, size * sizeof(float),
                          (void **)&a->scratch, "queries", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_SLICE * count, &a->classes, "answers", error));
    for (size_t i = 0; i < job->set_count; i++) {
        detect_set *set = &job->sets[i];
        TD_TRY(TD_ARENA_NEW(arena, set->count, &set->classes, "answers", error));
        if (set->count > (SIZE_MAX - a->total) / count)
            return td_fail_memory(error, "queries");
        a->total += set->count * count;
    }
    return job->settings->logits ? read_answers(job, error) : TD_OK;
}

/* The classes of all queries of some images, to asking->classes. */
static void ask(detect_job *job, const td_images *images, const uint32_t *numbers) {
    detect_asking *a = job->asking;
    const size_t total = images->count * job->detector->queries->count;
    const size_t size = td_image_size(images), classes = td_net_classes(&job->model.net);
    for (size_t first = 0; first < total; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, total - first);
        float *input = td_exec_input(job->exec);
        rows r = {job, images, numbers, first, a->made};
        td_parallel_each(count, make_row, &r);
        for (size_t i = 0; i < count * size; i++)
            input[i] = a->made[i];
        const float *logits = td_exec_forward(job->exec, count);
        for (size_t i = 0; i < count; i++)
            a->classes[first + i] = td_argmax(logits + i * classes, classes);
    }
}

td_status detect_query_score(detect_job *job, const td_images *images, const uint32_t *numbers,
                             size_t stride, double *scores, td_error *error) {
    detect_asking *a = job->asking;
    const detect_queries *queries = job->detector->queries;
    (void)stride;
    if (a->answers) {
        memcpy(a->classes, a->answers + a->next,
               images->count * queries->count * sizeof *a->classes);
        a->next += images->count * queries->count;
    } else {
        ask(job, images, numbers);
    }
    for (size_t i = 0; i < images->count; i++)
        scores[i] = queries->score(job, a->classes + i * queries->count);
    for (size_t i = 0; job->scored && i < images->count; i++)
        job->scored->classes[job->scored_first + i] = a->classes[i * queries->count];
    return detect_advance(job, images->count, error);
}

/* --- writing them --- */

typedef struct writing {
    detect_job *job;
    size_t set, first; /* the next images */
    uint8_t *pieces;   /* queries of one slice */
} writing;

static td_status next_piece(void *context, const void **piece, size_t *bytes, td_error *error) {
    writing *w = context;
    detect_job *job = w->job;
    const size_t queries = job->detector->queries->count;
    while (w->first == job->sets[w->set].count) {
        w->set++;
        w->first = 0;
    }
    const detect_set *set = &job->sets[w->set];
    const size_t count = td_size_min(td_size_max(DETECT_SLICE / queries, 1), set->count - w->first);
    td_arena arena = {0};
    td_images images;
    uint32_t numbers[DETECT_SLICE];
    detect_numbers(set, w->first, count, numbers);
    td_status status = detect_cut(job, set, w->first, count, &arena, &images, error);
    if (status == TD_OK) {
        rows r = {job, &images, numbers, 0, w->pieces};
        td_parallel_each(count * queries, make_row, &r);
        *piece = w->pieces;
        *bytes = count * queries * td_image_size(&images);
        w->first += count;
        status = detect_advance(job, count, error);
    }
    td_arena_free(&arena);
    return status;
}

td_status detect_query_write(detect_job *job, td_error *error) {
    tool_run *run = job->run;
    const size_t queries = job->detector->queries->count, total = job->asking->total;
    td_images images = job->clean.images;
    writing w = {.job = job};
    td_pieces pixels = {next_piece, &w};
    FILE *stream;
    int32_t *labels;
    TD_TRY(td_arena_alloc(&run->arena, td_size_max(DETECT_SLICE, queries), td_image_size(&images),
                          (void **)&w.pieces, "queries", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, total, &labels, "queries", error));
    images.count = total;
    images.classes = 1;
    images.labels = labels;
    tool_run_begin(run, "writing queries", "images", total / queries);
    TD_TRY(tool_outputs_add_path(&run->outputs, job->settings->queries, &stream, error));
    TD_TRY(td_name_stream(
        error,
        td_dataset_write_pieces(stream, &images, &pixels, NULL, job->clean.name, "test", error),
        stream, job->settings->queries));
    TD_TRY(tool_outputs_finish(&run->outputs, &run->record, error));
    tool_run_set(run, "queries", "z", total);
    return tool_run_summary(run, error,
                            "%s: %zu images to ask the model about, %zu for each of %zu inputs; "
                            "judge its answers, in their order, with --logits",
                            job->settings->queries, total, queries, total / queries);
}
