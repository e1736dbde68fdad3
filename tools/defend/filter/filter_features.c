/* SPDX-License-Identifier: MIT */
#include "defend/filter/filter_features.h"

#include "base/parallel.h"
#include "base/size.h"
#include "defend/filter/eigen.h"
#include <math.h>
#include <string.h>

static td_status make_room(filter_features *f, td_error *error) {
    const size_t n = f->values.count, room = FILTER_KEPT_BYTES / sizeof(float) / n;
    const size_t largest = f->job->largest, row = n * sizeof(float);
    td_arena *arena = &f->job->run->arena;
    f->dimensions = td_size_min(f->job->filter->dimensions(f->job->run->own), n);
    f->kept_images =
        td_size_min(td_chunks(largest, MOMENTS_ROWS), room / MOMENTS_ROWS) * MOMENTS_ROWS;
    TD_TRY(td_arena_alloc(arena, f->kept_images, row, (void **)&f->kept, "values", error));
    TD_TRY(td_arena_alloc(arena, MOMENTS_ROWS, row, (void **)&f->block, "values", error));
    TD_TRY(td_arena_alloc(arena, largest, f->dimensions * sizeof *f->positions,
                          (void **)&f->positions, "projections", error));
    TD_TRY(TD_ARENA_NEW(arena, f->dimensions, &f->variances, "variances", error));
    TD_TRY(TD_ARENA_NEW(arena, n, &f->mean, "a mean", error));
    TD_TRY(TD_ARENA_NEW(arena, n * n, &f->covariance, "a covariance", error));
    TD_TRY(TD_ARENA_NEW(arena, f->dimensions * n, &f->axes, "directions", error));
    return moments_new(&f->moments, n, arena, error);
}

td_status filter_features_open(filter_features *f, const filter_job *job, td_error *error) {
    *f = (filter_features){.job = job};
    TD_TRY(filter_values_open(&f->values, job, job->settings->layer, true, error));
    if (f->values.count > FILTER_MOST_FEATURES)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: %s: expected a layer of at most %d values, found %zu; --layer says "
                       "which to take",
                       job->settings->model.path, f->values.layer, FILTER_MOST_FEATURES,
                       f->values.count);
    return make_room(f, error);
}

void filter_features_close(filter_features *f) {
    filter_values_close(&f->values);
}

/* The values of images [first, first + count) of a class, a block that begins at a multiple of
 * MOMENTS_ROWS, from memory or recomputed with the same bits. */
static td_status get_block(filter_features *f, const filter_class *of, size_t first, size_t count,
                           const float **out, td_error *error) {
    bool keeps = first < f->kept_images;
    float *rows = keeps ? f->kept + first * f->values.count : f->block;
    *out = rows;
    if (first < f->kept_count)
        return TD_OK;
    if (keeps)
        f->kept_count = first + count;
    return filter_values_take(&f->values, &f->job->data, f->job->order, of->begin + first, count,
                              rows, error);
}

static td_status add_all(filter_features *f, const filter_class *of, td_error *error) {
    moments_clear(&f->moments);
    f->kept_count = 0;
    for (size_t first = 0; first < of->count; first += MOMENTS_ROWS) {
        const size_t count = td_size_min(MOMENTS_ROWS, of->count - first);
        const float *rows;
        TD_TRY(get_block(f, of, first, count, &rows, error));
        moments_add(&f->moments, rows, count);
        f->done += count;
        TD_TRY(tool_run_go_on(f->job->run, f->done, NULL, error));
    }
    return TD_OK;
}

/* --- at least as many images as values: directions from their covariance --- */

static td_status find_directions(filter_features *f, const filter_class *of, filter_group *group,
                                 td_error *error) {
    const size_t n = f->values.count;
    TD_TRY(add_all(f, of, error));
    moments_get(&f->moments, f->mean, f->covariance);
    for (size_t i = 0; i < n; i++)
        group->variance += f->covariance[i * n + i];
    return eigen_top(f->covariance, n, f->dimensions, f->variances, f->axes, error);
}

typedef struct projection {
    const filter_features *features;
    const float *rows;
    double *positions;
} projection;

static void project(void *context, size_t i) {
    const projection *p = context;
    const filter_features *f = p->features;
    const size_t n = f->values.count;
    for (size_t d = 0; d < f->dimensions; d++) {
        const double *axis = f->axes + d * n;
        double sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += ((double)p->rows[i * n + k] - f->mean[k]) * axis[k];
        p->positions[i * f->dimensions + d] = sum;
    }
}

static td_status take_many(filter_features *f, const filter_class *of, filter_group *group,
                           td_error *error) {
    TD_TRY(find_directions(f, of, group, error));
    group->dimensions = f->dimensions;
    for (size_t first = 0; first < of->count; first += MOMENTS_ROWS) {
        const size_t count = td_size_min(MOMENTS_ROWS, of->count - first);
        projection p = {.features = f, .positions = f->positions + first * f->dimensions};
        TD_TRY(get_block(f, of, first, count, &p.rows, error));
        td_parallel_each(count, project, &p);
    }
    return TD_OK;
}

/* --- fewer images than values: coordinates from their inner products --- */

/* For the centred images C [count, n], the largest eigenvalues λ of C Cᵀ / count are the variances,
 * and √(count · λ) times its eigenvectors are the coordinates. */
static td_status take_few(filter_features *f, const filter_class *of, filter_group *group,
                          td_error *error) {
    const size_t count = of->count, dimensions = td_size_min(f->dimensions, count);
    double *products = f->moments.products;
    TD_TRY(filter_values_take(&f->values, &f->job->data, f->job->order, of->begin, count, f->kept,
                              error));
    moments_inner(f->kept, count, f->values.count, f->mean, f->covariance, products);
    for (size_t i = 0; i < count; i++)
        group->variance += products[i * count + i];
    TD_TRY(eigen_top(products, count, dimensions, f->variances, f->axes, error));
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < dimensions; d++)
            f->positions[i * dimensions + d] =
                sqrt(fmax(0, (double)count * f->variances[d])) * f->axes[d * count + i];
    group->dimensions = dimensions;
    f->done += count;
    return tool_run_go_on(f->job->run, f->done, NULL, error);
}

td_status filter_features_take(filter_features *f, const filter_class *of, filter_group *group,
                               td_error *error) {
    TD_TRY(of->count < f->values.count ? take_few(f, of, group, error)
                                       : take_many(f, of, group, error));
    group->positions = f->positions;
    group->variances = f->variances;
    return TD_OK;
}
