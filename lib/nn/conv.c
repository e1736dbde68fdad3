/* SPDX-License-Identifier: MIT */
/* Two-dimensional convolution (cross-correlation, as in PyTorch), weights OIHW, optional bias. */
#include "nn/conv.h"

#include "base/size.h"

enum { OUT, KERNEL, STRIDE, PAD, HAS_BIAS, GROUPS };

static td_window window_of(const td_node *node) {
    return td_window_padded(&node->values[KERNEL], &node->values[STRIDE], &node->values[PAD]);
}

/* Kernel rows (or columns) that only ever see padding: before the image even in the last window, or
 * after it even in the first. At least one is kept. */
static void trim(size_t in, size_t out, size_t stride, size_t *kernel, size_t *pad, size_t *before,
                 size_t *after) {
    *before = *pad > (out - 1) * stride ? td_size_min(*pad - (out - 1) * stride, *kernel - 1) : 0;
    *after = *kernel > *pad + in ? td_size_min(*kernel - *pad - in, *kernel - 1 - *before) : 0;
    *kernel -= *before + *after;
    *pad -= *before;
}

td_conv td_conv_of(const td_node *node, td_shape in) {
    td_conv c = {.in = in,
                 .out = node->shape,
                 .groups = td_node_count(node, GROUPS),
                 .pixel = in.channels,
                 .window = window_of(node)};
    trim(in.height, c.out.height, c.window.stride_h, &c.window.kernel_h, &c.window.pad_h,
         &c.skip_top, &c.skip_bottom);
    trim(in.width, c.out.width, c.window.stride_w, &c.window.kernel_w, &c.window.pad_w,
         &c.skip_left, &c.skip_right);
    return c;
}

const td_conv_path *const td_conv_paths[] = {&td_conv_toeplitz,
                                             &td_conv_winograd,
                                             &td_conv_direct,
                                             &td_conv_depthwise,
                                             &td_conv_pointwise,
                                             &td_conv_im2col,
                                             NULL};

static const td_conv_path *path_of(const td_conv *conv) {
    size_t i = 0;
    while (!td_conv_paths[i]->computes(conv) || !td_conv_paths[i]->pays(conv))
        i++;
    return td_conv_paths[i];
}

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    size_t out = td_node_count(node, OUT), groups = td_node_count(node, GROUPS);
    td_window w = window_of(node);
    if (in[0].channels % groups != 0 || out % groups != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "groups: expected a divisor of the %zu channels of its input and of the %zu "
                       "that it makes, found %zu",
                       in[0].channels, out, groups);
    const size_t in_channels = in[0].channels / groups;
    TD_TRY(td_window_infer(&w, in[0], &node->shape, error));
    node->shape.channels = out;
    TD_TRY(td_node_param(net, node, "weight", 4,
                         (size_t[]){out, in_channels, w.kernel_h, w.kernel_w},
                         in_channels * w.kernel_h * w.kernel_w, error));
    if (td_node_count(node, HAS_BIAS))
        TD_TRY(td_node_param(net, node, "bias", 1, (size_t[]){out}, 0, error));
    return TD_OK;
}

static td_channels channels_of(const td_net *net, const td_node *node) {
    const size_t groups = td_node_count(node, GROUPS);
    if (groups == 1)
        return TD_CHANNELS_NEW;
    const bool separate =
        groups == node->shape.channels && net->params[node->params[0]].dims[1] == 1;
    return separate ? TD_CHANNELS_KEPT : TD_CHANNELS_GROUPED;
}

static size_t prepared(const td_node *node, const td_shape *in) {
    td_conv conv = td_conv_of(node, in[0]);
    return path_of(&conv)->prepared(&conv);
}

static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    td_conv conv = td_conv_of(node, in[0]);
    return path_of(&conv)->scratch(&conv, batch, backward);
}

static const char *path(const td_node *node, const td_shape *in) {
    td_conv conv = td_conv_of(node, in[0]);
    return path_of(&conv)->name;
}

static void prepare(const td_run *run) {
    td_conv conv = td_conv_of(run->node, td_run_in_shape(run, 0));
    path_of(&conv)->prepare(&conv, run);
}

static void forward(const td_run *run) {
    td_conv conv = td_conv_of(run->node, td_run_in_shape(run, 0));
    path_of(&conv)->forward(&conv, run);
}

static void backward(const td_run *run) {
    td_conv conv = td_conv_of(run->node, td_run_in_shape(run, 0));
    path_of(&conv)->backward(&conv, run);
}

const td_op TD_OP(conv) = {
    .name = "conv",
    .doc = "Two-dimensional convolution (cross-correlation, as in PyTorch)",
    .formula = "y[o] = Σ weight[o,i,k]·x[i, stride·p + k − pad] + bias[o], over channels i of o's "
               "group and places k of the kernel",
    .shapes = "H×W×C → H'×W'×out, " TD_SHAPES_WINDOW("kernel"),
    .keys = {TD_KEYS_CONVOLUTION(TD_KEY_SIDES),
             TD_KEY_BIAS,
             {.name = "groups",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 1 << 20,
              .standard = "1",
              .optional = true,
              .help =
                  "Groups of channels, each computed by itself; as many as channels: depthwise"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_NEW,
    .channels_of = channels_of,
    .clips = true,
    .takes_fold = true,
    .needs_in = true,
    .infer = infer,
    .prepared = prepared,
    .scratch = scratch,
    .path = path,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
