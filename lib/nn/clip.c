/* y = x between two bounds: ReLU6 (Howard et al., "MobileNets", 2017). At a bound the gradient is
 * 0, as PyTorch's ReLU6 has it. */
#include "nn/elementwise.h"

enum { MIN, MAX };

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float min = (float)run->node->values[MIN].number;
    const float max = (float)run->node->values[MAX].number;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = x[i] < min ? min : x[i] > max ? max : x[i];
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float min = (float)run->node->values[MIN].number;
    const float max = (float)run->node->values[MAX].number;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > min && y[i] < max ? dy[i] : 0;
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(clip) = {
    .name = "clip",
    .doc = "Bounds on each value; by default ReLU6",
    .formula = "y = min(max(x, min), max)",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "min",
              .kind = TD_KEY_FRACTION,
              .least = -3.5e38,
              .most = 3.5e38,
              .standard = "0",
              .help = "Lower bound"},
             {.name = "max",
              .kind = TD_KEY_FRACTION,
              .least = -3.5e38,
              .most = 3.5e38,
              .standard = "6",
              .help = "Upper bound"}},
    .activation = true,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
