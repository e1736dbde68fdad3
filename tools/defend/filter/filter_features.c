#include "defend/filter/filter_features.h"

#include "base/parallel.h"
#include "base/size.h"
#include "defend/filter/eigen.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include <math.h>
#include <string.h>

static td_status cut(filter_features *f, td_error *error) {
    const filter_job *job = f->job;
    const char *asked = job->settings->layer, *model = job->settings->model.path;
    f->layer = asked ? asked : td_net_last_hidden(&job->model.net);
    if (!f->layer)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net that ends in a dense layer, found none; --layer says "
                       "what to look at",
                       model);
    td_status status = td_net_head(&job->model.net, job->model.weights, f->layer, true, &f->part,
                                   &f->weights, &job->run->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--layer");
    f->count = td_net_classes(&f->part);
    if (f->count <= FILTER_MOST_FEATURES)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: %s: expected a layer of at most %d values, found %zu; --layer says which "
                   "to take",
                   model, f->layer, FILTER_MOST_FEATURES, f->count);
}

static td_status make_room(filter_features *f, td_error *error) {
    const size_t n = f->count, room = FILTER_KEPT_BYTES / sizeof(float) / n;
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
    TD_TRY(cut(f, error));
    TD_TRY(make_room(f, error));
    TD_TRY(td_exec_new(&f->exec, &f->part, FILTER_BATCH, TD_FORWARD, error));
    td_exec_weights(f->exec, f->weights);
    return TD_OK;
}

void filter_features_close(filter_features *f) {
    td_exec_free(f->exec);
    td_net_free(&f->part);
}

/* The values of `count` images from job->order[first] on. */
static td_status compute(filter_features *f, size_t first, size_t count, float *out,
                         td_error *error) {
    const filter_job *job = f->job;
    const size_t n = f->count;
    for (size_t done = 0; done < count; done += FILTER_BATCH) {
        size_t batch = td_size_min(FILTER_BATCH, count - done);
        td_feed(&job->data.images, job->order, first + done, batch, td_exec_input(f->exec));
        memcpy(out + done * n, td_exec_forward(f->exec, batch), batch * n * sizeof *out);
    }
    for (size_t i = 0; i < count * n; i++)
        if (!isfinite(out[i]))
            return td_fail(error, TD_ERR_NUMERIC,
                           "%s: image %zu of %s: expected finite values at %s, found %g",
                           job->settings->model.path, job->data.first + job->order[first + i / n],
                           job->data.name, f->layer, (double)out[i]);
    return TD_OK;
}

/* The values of images [first, first + count) of a class, a block that begins at a multiple of
 * MOMENTS_ROWS, as they were kept or computed again, to the same bits. */
static td_status get_block(filter_features *f, const filter_class *of, size_t first, size_t count,
                           const float **out, td_error *error) {
    bool keeps = first < f->kept_images;
    float *rows = keeps ? f->kept + first * f->count : f->block;
    *out = rows;
    if (first < f->kept_count)
        return TD_OK;
    if (keeps)
        f->kept_count = first + count;
    return compute(f, of->begin + first, count, rows, error);
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

/* --- as many images as values, or more: directions by their covariance --- */

static td_status find_directions(filter_features *f, const filter_class *of, filter_group *group,
                                 td_error *error) {
    const size_t n = f->count;
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
    const size_t n = f->count;
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
    for (size_t first = 0; first < of->count; first += MOMENTS_ROWS) {
        const size_t count = td_size_min(MOMENTS_ROWS, of->count - first);
        projection p = {.features = f, .positions = f->positions + first * f->dimensions};
        TD_TRY(get_block(f, of, first, count, &p.rows, error));
        td_parallel_each(count, project, &p);
    }
    return TD_OK;
}

/* --- fewer images than values: positions by their inner products --- */

/* Of the centred images C [count, n], the matrix C Cᵀ / count has the variances of the covariance
 * as its largest eigenvalues λ, and √(count · λ) times its eigenvectors are the positions. */
static td_status take_few(filter_features *f, const filter_class *of, filter_group *group,
                          td_error *error) {
    const size_t count = of->count;
    double *products = f->moments.products;
    TD_TRY(compute(f, of->begin, count, f->kept, error));
    moments_inner(f->kept, count, f->count, f->mean, f->covariance, products);
    for (size_t i = 0; i < count; i++)
        group->variance += products[i * count + i];
    TD_TRY(eigen_top(products, count, f->dimensions, f->variances, f->axes, error));
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < f->dimensions; d++)
            f->positions[i * f->dimensions + d] =
                sqrt(fmax(0, (double)count * f->variances[d])) * f->axes[d * count + i];
    f->done += count;
    return tool_run_go_on(f->job->run, f->done, NULL, error);
}

td_status filter_features_take(filter_features *f, const filter_class *of, filter_group *group,
                               td_error *error) {
    TD_TRY(of->count < f->count ? take_few(f, of, group, error) : take_many(f, of, group, error));
    group->dimensions = f->dimensions;
    group->positions = f->positions;
    group->variances = f->variances;
    return TD_OK;
}
