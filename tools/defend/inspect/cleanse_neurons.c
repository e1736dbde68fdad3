/* The neurons before the last dense layer, and which of them a trigger raises most. */
#include "defend/inspect/cleanse.h"
#include "nn/channels.h"
#include "nn/head_tail.h"
#include "nn/op.h"

td_status cleanse_penultimate(const td_net *net, size_t *node, td_error *error) {
    const td_node *last = &net->nodes[net->node_count - 1];
    if (!last->op->dense)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a net that ends with a dense layer, found %s (\"%s\")",
                       last->op->name, last->name);
    *node = last->inputs[0];
    while (net->nodes[*node].op->training_only)
        *node = net->nodes[*node].inputs[0];
    return TD_OK;
}

td_status cleanse_neurons(const cleanse_job *job, size_t node, const td_images *images,
                          td_arena *arena, float **out, td_error *error) {
    const td_net *net = &job->model.net;
    td_net part;
    float *weights;
    TD_TRY(td_net_head(net, job->model.weights, net->nodes[node].name, false, &part, &weights,
                       arena, error));
    td_status status = td_predict(&part, weights, images, (td_predict_watch){0}, arena, out, error);
    td_net_free(&part);
    return status;
}

static void add_means(const float *values, size_t count, size_t neurons, double sign,
                      double *means) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < neurons; k++)
            means[k] += sign * (double)values[i * neurons + k] / (double)count;
}

td_status cleanse_rank(const float *clean, size_t clean_count, const float *triggered,
                       size_t triggered_count, size_t neurons, td_arena *arena, size_t **order,
                       double **rise, td_error *error) {
    double *fall;
    TD_TRY(TD_ARENA_NEW(arena, neurons, order, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, neurons, rise, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, neurons, &fall, "neurons", error));
    add_means(clean, clean_count, neurons, 1, fall);
    add_means(triggered, triggered_count, neurons, -1, fall);
    td_channels_rank(fall, neurons, *order);
    for (size_t k = 0; k < neurons; k++)
        (*rise)[k] = -fall[k];
    return TD_OK;
}
