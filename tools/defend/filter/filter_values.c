/* SPDX-License-Identifier: MIT */
#include "defend/filter/filter_values.h"

#include "base/size.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

/* The node that the last dense layer reads, skipping dropout, which does nothing at inference; NULL
 * if the net does not end in a single dense layer. */
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

static td_status cut(filter_values *f, const char *asked, bool average, td_error *error) {
    const filter_job *job = f->job;
    const char *model = job->settings->model.path;
    f->layer = asked ? asked : last_hidden(&job->model.net);
    if (!f->layer)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net that ends in a dense layer, found none; --layer says "
                       "what to look at",
                       model);
    td_status status = td_net_head(&job->model.net, job->model.weights, f->layer, average, &f->part,
                                   &f->weights, &job->run->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--layer");
    f->count = td_net_classes(&f->part);
    return TD_OK;
}

td_status filter_values_open(filter_values *f, const filter_job *job, const char *layer,
                             bool average, td_error *error) {
    *f = (filter_values){.job = job};
    TD_TRY(cut(f, layer, average, error));
    TD_TRY(td_exec_new(&f->exec, &f->part, FILTER_BATCH, TD_FORWARD, error));
    td_exec_weights(f->exec, f->weights);
    return TD_OK;
}

void filter_values_close(filter_values *f) {
    td_exec_free(f->exec);
    td_net_free(&f->part);
}

td_status filter_values_take(filter_values *f, const td_dataset *data, const uint32_t *order,
                             size_t first, size_t count, float *out, td_error *error) {
    const size_t n = f->count;
    for (size_t done = 0; done < count; done += FILTER_BATCH) {
        size_t batch = td_size_min(FILTER_BATCH, count - done);
        td_feed(&data->images, order, first + done, batch, td_exec_input(f->exec));
        memcpy(out + done * n, td_exec_forward(f->exec, batch), batch * n * sizeof *out);
    }
    for (size_t i = 0; i < count * n; i++)
        if (!isfinite(out[i]))
            return td_fail(error, TD_ERR_NUMERIC,
                           "%s: image %zu of %s: expected finite values at %s, found %g",
                           f->job->settings->model.path, data->first + order[first + i / n],
                           data->name, f->layer, (double)out[i]);
    return TD_OK;
}
