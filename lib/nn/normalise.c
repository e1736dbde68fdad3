/* SPDX-License-Identifier: MIT */
/* y = (x − mean_c) / deviation_c by channel, with constants of the data, as torchvision's
 * Normalize. Each key is one number for all channels, or one per channel. */
#include "base/size.h"
#include "nn/elementwise.h"

enum { MEAN, DEVIATION };

/* The constants repeat after 1 to 4 channels, and so after these many elements; every chunk begins
 * at a multiple. */
enum { ROW = 48 };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    static const char *const names[] = {[MEAN] = "mean", [DEVIATION] = "deviation"};
    (void)net;
    for (size_t i = MEAN; i <= DEVIATION; i++)
        if (node->values[i].list.count != 1 && node->values[i].list.count != in[0].channels)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected 1 number or %zu, one for each channel of its input of "
                           "%zu×%zu×%zu, found %zu",
                           names[i], in[0].channels, in[0].height, in[0].width, in[0].channels,
                           node->values[i].list.count);
    node->shape = in[0];
    return TD_OK;
}

static void fill_rows(const td_node *node, float mean[ROW], float inverse[ROW]) {
    const td_setting *m = &node->values[MEAN], *d = &node->values[DEVIATION];
    for (size_t i = 0; i < ROW; i++) {
        mean[i] = (float)m->list.values[i % m->list.count];
        inverse[i] = (float)(1 / d->list.values[i % d->list.count]);
    }
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    float mean[ROW], inverse[ROW];
    (void)chunk, (void)thread;
    fill_rows(run->node, mean, inverse);
    for (size_t at = begin; at < end; at += ROW) {
        const float *restrict x = run->in[0] + at;
        float *restrict y = run->out + at;
        const size_t length = td_size_min(ROW, end - at);
        for (size_t i = 0; i < length; i++)
            y[i] = (x[i] - mean[i]) * inverse[i];
    }
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    float mean[ROW], inverse[ROW];
    (void)chunk, (void)thread;
    fill_rows(run->node, mean, inverse);
    for (size_t at = begin; at < end; at += ROW) {
        const float *restrict dy = run->dout + at;
        float *restrict dx = run->din[0] + at;
        const size_t length = td_size_min(ROW, end - at);
        for (size_t i = 0; i < length; i++)
            dx[i] = dy[i] * inverse[i];
    }
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(normalise) = {
    .name = "normalise",
    .doc = "Constants of the data by channel (as torchvision's Normalize)",
    .formula = "y[c] = (x[c] − mean[c]) / deviation[c]",
    .shapes = "H×W×C → H×W×C",
    .keys = {{.name = "mean",
              .kind = TD_KEY_LIST,
              .least = -1e6,
              .most = 1e6,
              .required = true,
              .help = "One number, or one for each channel"},
             {.name = "deviation",
              .kind = TD_KEY_LIST,
              .least = 1e-6,
              .most = 1e6,
              .required = true,
              .help = "One number, or one for each channel"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
