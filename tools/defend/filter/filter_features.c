/* What the model makes of the images: values at a hidden layer, block by block, and where these lie
 * along the principal directions of their class. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/filter/eigen.h"
#include "defend/filter/filter.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

/* The node that the last dense layer reads, or the one whose values dropout passes on to it, which
 * at inference are the same; NULL where the net does not end in one dense layer. */
static const char *last_hidden(const td_net *net) {
    const td_node *node = &net->nodes[net->node_count - 1];
    while (!node->op->dense) {
        if (node->input_count != 1)
            return NULL;
        node = &net->nodes[node->inputs[0]];
    }
    do
        node = &net->nodes[node->inputs[0]];
    while (node->op->training_only);
    return node->name;
}

static td_status cut(filter_job *job, td_error *error) {
    job->layer = job->options->layer ? job->options->layer : last_hidden(&job->model.net);
    if (!job->layer)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net that ends in a dense layer, found none; --layer says "
                       "what to look at",
                       job->options->model);
    td_status status = td_net_head(&job->model.net, job->model.weights, job->layer, true,
                                   &job->part, &job->part_weights, &job->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--layer");
    job->features = td_net_classes(&job->part);
    if (job->features <= FILTER_MOST_FEATURES)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: %s: expected a layer of at most %d values, found %zu; --layer says which "
                   "to take",
                   job->options->model, job->layer, FILTER_MOST_FEATURES, job->features);
}

static td_status make_room(filter_job *job, td_error *error) {
    const size_t n = job->features, room = FILTER_KEPT_BYTES / sizeof(float) / n;
    size_t largest = 0;
    for (size_t c = 0; c < job->data.images.classes; c++)
        largest = td_size_max(largest, job->classes[c].count);
    job->directions = td_size_min(job->filter->directions(job), n);
    job->kept_images =
        td_size_min(td_chunks(largest, MOMENTS_ROWS), room / MOMENTS_ROWS) * MOMENTS_ROWS;
    TD_TRY(td_arena_alloc(&job->arena, job->kept_images, n * sizeof(float), (void **)&job->kept,
                          "values of a layer", error));
    TD_TRY(td_arena_alloc(&job->arena, MOMENTS_ROWS, n * sizeof(float), (void **)&job->block,
                          "values of a layer", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, n, &job->mean, "a mean", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, n * n, &job->covariance, "a covariance", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->directions * n, &job->axes, "directions", error));
    return moments_new(&job->moments, n, &job->arena, error);
}

td_status filter_features_open(filter_job *job, td_error *error) {
    TD_TRY(cut(job, error));
    TD_TRY(make_room(job, error));
    TD_TRY(td_exec_new(&job->exec, &job->part, FILTER_BATCH, TD_FORWARD, error));
    td_exec_weights(job->exec, job->part_weights);
    return TD_OK;
}

/* The values of `count` images from job->order[first] on. */
static td_status compute(filter_job *job, size_t first, size_t count, float *out, td_error *error) {
    const size_t n = job->features;
    for (size_t done = 0; done < count; done += FILTER_BATCH) {
        size_t batch = td_size_min(FILTER_BATCH, count - done);
        td_feed(&job->data.images, job->order, first + done, batch, td_exec_input(job->exec));
        memcpy(out + done * n, td_exec_forward(job->exec, batch), batch * n * sizeof *out);
    }
    for (size_t i = 0; i < count * n; i++)
        if (!isfinite(out[i]))
            return td_fail(error, TD_ERR_NUMERIC,
                           "%s: image %zu of %s: expected finite values at %s, found %g",
                           job->options->model, job->data.first + job->order[first + i / n],
                           job->data.name, job->layer, (double)out[i]);
    return tool_interrupted()
               ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted after %zu of %zu images",
                         job->done, job->data.images.count)
               : TD_OK;
}

/* The values of images [first, first + count) of a class, a block that begins at a multiple of
 * MOMENTS_ROWS, as they were kept or computed again, to the same bits. */
static td_status get_block(filter_job *job, const filter_class *group, size_t first, size_t count,
                           const float **out, td_error *error) {
    bool keeps = first < job->kept_images;
    float *rows = keeps ? job->kept + first * job->features : job->block;
    *out = rows;
    if (first < job->kept_count)
        return TD_OK;
    if (keeps)
        job->kept_count = first + count;
    return compute(job, group->begin + first, count, rows, error);
}

static td_status add_all(filter_job *job, const filter_class *group, td_error *error) {
    moments_clear(&job->moments);
    job->kept_count = 0;
    for (size_t first = 0; first < group->count; first += MOMENTS_ROWS) {
        const size_t count = td_size_min(MOMENTS_ROWS, group->count - first);
        const float *rows;
        TD_TRY(get_block(job, group, first, count, &rows, error));
        moments_add(&job->moments, rows, count);
        job->done += count;
        tool_progress_update(&job->progress, job->done, NULL);
    }
    return TD_OK;
}

td_status filter_directions(filter_job *job, filter_class *group, td_error *error) {
    double *values;
    TD_TRY(TD_ARENA_NEW(&job->arena, job->directions, &values, "variances", error));
    TD_TRY(add_all(job, group, error));
    moments_get(&job->moments, job->mean, job->covariance);
    for (size_t i = 0; i < job->features; i++)
        group->variance += job->covariance[i * job->features + i];
    group->values = values;
    return eigen_top(job->covariance, job->features, job->directions, values, job->axes, error);
}

typedef struct projection {
    const filter_job *job;
    const float *rows;
    double *positions;
} projection;

static void project_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const projection *p = context;
    const size_t n = p->job->features, directions = p->job->directions;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        for (size_t d = 0; d < directions; d++) {
            const double *axis = p->job->axes + d * n;
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += ((double)p->rows[i * n + k] - p->job->mean[k]) * axis[k];
            p->positions[i * directions + d] = sum;
        }
}

td_status filter_project(filter_job *job, const filter_class *group, double *positions, td_error *error) {
    for (size_t first = 0; first < group->count; first += MOMENTS_ROWS) {
        const size_t count = td_size_min(MOMENTS_ROWS, group->count - first);
        projection p = {.job = job, .positions = positions + first * job->directions};
        TD_TRY(get_block(job, group, first, count, &p.rows, error));
        td_parallel_for(count, 32, project_chunk, &p);
    }
    return TD_OK;
}
