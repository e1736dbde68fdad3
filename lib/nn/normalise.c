/* y = (x − mean_c) / deviation_c by channel, with constants of the data: what torchvision calls
 * Normalize. Each key is one number for every channel, or one for each. */
#include "base/size.h"
#include "nn/elementwise.h"
#include <math.h>

enum { MEAN, DEVIATION };

/* The constants repeat after 1 to 4 channels, and so after these many elements, at which every
 * chunk begins. */
enum { ROW = 48 };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    static const char *const names[] = {[MEAN] = "mean", [DEVIATION] = "deviation"};
    (void)net;
    for (size_t i = MEAN; i <= DEVIATION; i++)
        if (node->values[i].count != 1 && node->values[i].count != in[0].channels)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected 1 number or %zu, one for each channel of its input of "
                           "%zu×%zu×%zu, found %zu",
                           names[i], in[0].channels, in[0].height, in[0].width, in[0].channels,
                           node->values[i].count);
    node->shape = in[0];
    return TD_OK;
}

static void fill_rows(const td_node *node, float mean[ROW], float inverse[ROW]) {
    const td_value *m = &node->values[MEAN], *d = &node->values[DEVIATION];
    for (size_t i = 0; i < ROW; i++) {
        mean[i] = (float)m->list[i % m->count];
        inverse[i] = (float)(1 / d->list[i % d->count]);
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

static void forward(const td_run *run) {
    td_elementwise(run, forward_chunk);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_elementwise(run, backward_chunk);
}

const td_op td_op_normalise = {
    .name = "normalise",
    .keys = {{"mean", TD_KEY_LIST, -1e6, 1e6, NAN}, {"deviation", TD_KEY_LIST, 1e-6, 1e6, NAN}},
    .least_inputs = 1,
    .most_inputs = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
