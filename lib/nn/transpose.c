/* SPDX-License-Identifier: MIT */
/* Height, width and channels in another order, as PyTorch's permute. */
#include "base/parallel.h"
#include "nn/op.h"

enum { ORDER };

static const char *const orders[] = {"hcw", "whc", "wch", "chw", "cwh", NULL};

/* Sides and strides in floats of the input, in the order of the output's axes. */
typedef struct axes {
    size_t sides[3], steps[3];
} axes;

static axes axes_of(const td_node *node, td_shape in) {
    const char *order = orders[node->values[ORDER].word];
    axes a;
    for (size_t i = 0; i < 3; i++) {
        const char axis = order[i];
        a.sides[i] = axis == 'h' ? in.height : axis == 'w' ? in.width : in.channels;
        a.steps[i] = axis == 'h' ? in.width * in.channels : axis == 'w' ? in.channels : 1;
    }
    return a;
}

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const axes a = axes_of(node, in[0]);
    (void)net, (void)error;
    node->shape = (td_shape){a.sides[0], a.sides[1], a.sides[2]};
    return TD_OK;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const axes a = axes_of(run->node, td_run_in_shape(run, 0));
    const size_t size = td_shape_size(run->node->shape);
    const float *x = run->in[0] + image * size;
    float *y = run->out + image * size;
    for (size_t i = 0; i < a.sides[0]; i++)
        for (size_t j = 0; j < a.sides[1]; j++, y += a.sides[2])
            for (size_t k = 0; k < a.sides[2]; k++)
                y[k] = x[i * a.steps[0] + j * a.steps[1] + k * a.steps[2]];
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const axes a = axes_of(run->node, td_run_in_shape(run, 0));
    const size_t size = td_shape_size(run->node->shape);
    const float *dy = run->dout + image * size;
    float *dx = run->din[0] + image * size;
    for (size_t i = 0; i < a.sides[0]; i++)
        for (size_t j = 0; j < a.sides[1]; j++, dy += a.sides[2])
            for (size_t k = 0; k < a.sides[2]; k++)
                dx[i * a.steps[0] + j * a.steps[1] + k * a.steps[2]] = dy[k];
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(transpose) = {
    .name = "transpose",
    .doc = "Height, width and channels in another order (as PyTorch's permute)",
    .formula = "y[a, b, c] = x[r, k, i], a b c being r k i in that order",
    .shapes = "H×W×C → the three in that order",
    .keys = {{.name = "order",
              .kind = TD_KEY_WORD,
              .words = orders,
              .standard = "chw",
              .help = "Which of height, width and channels come first, second and last"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_OTHER,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
