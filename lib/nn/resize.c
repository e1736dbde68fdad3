/* SPDX-License-Identifier: MIT */
/* Resizes images: each value is a weighted mean of neighbouring values (resample.h). */
#include "nn/resample.h"

#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { OUT, FILTER };

static const char *const filters[] = {
    [TD_RESAMPLE_BILINEAR] = "bilinear",        [TD_RESAMPLE_ANTIALIAS] = "bilinear-antialias",
    [TD_RESAMPLE_CORNERS] = "bilinear-corners", [TD_RESAMPLE_NEAREST] = "nearest",
    [TD_RESAMPLE_EXACT] = "nearest-exact",      NULL};

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)error;
    node->shape =
        (td_shape){node->values[OUT].pair.first, node->values[OUT].pair.second, in[0].channels};
    return TD_OK;
}

/* to += weight·from */
static void add_pixel(float *restrict to, const float *restrict from, float weight,
                      size_t channels) {
    for (size_t c = 0; c < channels; c++)
        to[c] += weight * from[c];
}

/* Adds weighted pixels of one image to the results or, backward, the other way round. */
static void mix(const td_run *run, const float *from, float *to, bool back) {
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const td_resample filter = (td_resample)run->node->values[FILTER].word;
    for (size_t oy = 0, made = 0; oy < out.height; oy++) {
        const td_taps rows = td_taps_of(filter, in.height, out.height, oy);
        for (size_t ox = 0; ox < out.width; ox++, made += out.channels) {
            const td_taps columns = td_taps_of(filter, in.width, out.width, ox);
            for (size_t r = 0; r < rows.count; r++)
                for (size_t k = 0; k < columns.count; k++) {
                    const size_t given =
                        ((rows.first + r) * in.width + columns.first + k) * in.channels;
                    add_pixel(to + (back ? given : made), from + (back ? made : given),
                              td_tap(&rows, r) * td_tap(&columns, k), in.channels);
                }
        }
    }
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const size_t in = td_shape_size(td_run_in_shape(run, 0)), out = td_shape_size(run->node->shape);
    float *y = run->out + image * out;
    memset(y, 0, out * sizeof *y);
    mix(run, run->in[0] + image * in, y, false);
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const size_t in = td_shape_size(td_run_in_shape(run, 0)), out = td_shape_size(run->node->shape);
    float *dx = run->din[0] + image * in;
    memset(dx, 0, in * sizeof *dx);
    mix(run, run->dout + image * out, dx, true);
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(resize) = {
    .name = "resize",
    .doc = "Images of another size (as PyTorch's interpolate; bilinear-antialias as torchvision's "
           "Resize)",
    .formula = "y[r] = mean of x around (r + 1/2)·H/H' − 1/2, columns alike",
    .shapes = "H×W×C → out×C",
    .keys = {{.name = "out",
              .kind = TD_KEY_PAIR,
              .least = 1,
              .most = 1024,
              .required = true,
              .help = "Height and width of the output"},
             {.name = "filter",
              .kind = TD_KEY_WORD,
              .standard = "bilinear",
              .words = filters,
              .help = "How values between pixels are made"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
