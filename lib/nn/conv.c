/* Two-dimensional convolution (cross-correlation, as in PyTorch), weights OIHW, optional bias. */
#include "nn/conv.h"
#include <math.h>

enum { OUT, KERNEL, STRIDE, PAD, HAS_BIAS };

static td_conv conv_of(const td_node *node, td_shape in) {
    return (td_conv){
        in, node->shape,
        td_window_of(&node->values[KERNEL], &node->values[STRIDE], &node->values[PAD])};
}

/* In order of preference; the last computes any. */
static const td_conv_path *const paths[] = {&td_conv_winograd, &td_conv_im2col};

static const td_conv_path *path_of(const td_conv *conv) {
    size_t i = 0;
    while (!paths[i]->computes(conv))
        i++;
    return paths[i];
}

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    size_t out = td_node_count(node, OUT);
    td_conv conv = conv_of(node, in[0]);
    TD_TRY(td_window_infer(&conv.window, in[0], &node->shape, error));
    node->shape.channels = out;
    size_t kernel_h = conv.window.kernel_h, kernel_w = conv.window.kernel_w;
    TD_TRY(td_node_param(net, node, "weight", 4,
                         (size_t[]){out, in[0].channels, kernel_h, kernel_w}, td_conv_taps(&conv),
                         error));
    if (td_node_count(node, HAS_BIAS))
        TD_TRY(td_node_param(net, node, "bias", 1, (size_t[]){out}, 0, error));
    return TD_OK;
}

static size_t prepared(const td_node *node, const td_shape *in) {
    td_conv conv = conv_of(node, in[0]);
    return path_of(&conv)->prepared(&conv);
}

static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    td_conv conv = conv_of(node, in[0]);
    return path_of(&conv)->scratch(&conv, batch, backward);
}

static void prepare(const td_run *run) {
    td_conv conv = conv_of(run->node, td_run_in_shape(run, 0));
    path_of(&conv)->prepare(&conv, run);
}

static void forward(const td_run *run) {
    td_conv conv = conv_of(run->node, td_run_in_shape(run, 0));
    path_of(&conv)->forward(&conv, run);
}

static void backward(const td_run *run) {
    td_conv conv = conv_of(run->node, td_run_in_shape(run, 0));
    path_of(&conv)->backward(&conv, run);
}

const td_op td_op_conv = {
    .name = "conv",
    .keys = {{"out", TD_KEY_COUNT, 1, 1 << 20, NAN},
             {"kernel", TD_KEY_PAIR, 1, 1024, NAN},
             {"stride", TD_KEY_PAIR, 1, 1024, 1},
             {"pad", TD_KEY_PAIR, 0, 1024, 0},
             {"bias", TD_KEY_COUNT, 0, 1, 1}},
    .least_inputs = 1,
    .most_inputs = 1,
    .fuses_relu = true,
    .takes_fold = true,
    .infer = infer,
    .prepared = prepared,
    .scratch = scratch,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
