/* SPDX-License-Identifier: MIT */
/* One kernel: its operators, and the functions that other code needs from it. */
#include "nn/kernel/kernel.h"

#include "nn/kernel/vector.h"
#include "nn/op.h"
#include <math.h>

/* In the order of the reference. */
#define OPERATORS(ROW)                                                                             \
    ROW(image)                                                                                     \
    ROW(conv)                                                                                      \
    ROW(conv_transpose)                                                                            \
    ROW(dense)                                                                                     \
    ROW(batch_norm)                                                                                \
    ROW(layer_norm)                                                                                \
    ROW(lrn)                                                                                       \
    ROW(relu)                                                                                      \
    ROW(leaky_relu)                                                                                \
    ROW(prelu)                                                                                     \
    ROW(elu)                                                                                       \
    ROW(gelu)                                                                                      \
    ROW(silu)                                                                                      \
    ROW(clip)                                                                                      \
    ROW(cap)                                                                                       \
    ROW(hard_sigmoid)                                                                              \
    ROW(hard_swish)                                                                                \
    ROW(sigmoid)                                                                                   \
    ROW(tanh)                                                                                      \
    ROW(softmax)                                                                                   \
    ROW(max_pool)                                                                                  \
    ROW(avg_pool)                                                                                  \
    ROW(adaptive_avg_pool)                                                                         \
    ROW(global_avg_pool)                                                                           \
    ROW(add)                                                                                       \
    ROW(multiply)                                                                                  \
    ROW(matmul)                                                                                    \
    ROW(concat)                                                                                    \
    ROW(slice)                                                                                     \
    ROW(shuffle)                                                                                   \
    ROW(resize)                                                                                    \
    ROW(crop)                                                                                      \
    ROW(pad)                                                                                       \
    ROW(reshape)                                                                                   \
    ROW(transpose)                                                                                 \
    ROW(flatten)                                                                                   \
    ROW(constant)                                                                                  \
    ROW(scale)                                                                                     \
    ROW(normalise)                                                                                 \
    ROW(dropout)                                                                                   \
    ROW(mask)

#define DECLARED(name) extern const td_op TD_OP(name);
#define LISTED(name) &TD_OP(name),

OPERATORS(DECLARED)

static const td_op *const operators[] = {OPERATORS(LISTED) NULL};

static void add(float *restrict to, const float *restrict from, size_t count) {
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void gate(td_bounds bounds, float *restrict gradient, const float *restrict out,
                 size_t count) {
    for (size_t i = 0; i < count; i++)
        gradient[i] = td_gate(bounds, gradient[i], out[i]);
}

static void adam(const td_step *step, float *restrict w, const float *restrict g, float *restrict m,
                 float *restrict v, size_t count) {
    const float beta1 = (float)step->beta1, beta2 = (float)step->beta2;
    const float rest1 = (float)(1 - step->beta1), rest2 = (float)(1 - step->beta2);
    const float decay = (float)step->weight_decay, epsilon = (float)step->epsilon;
    const double t = (double)step->number;
    const float rate = (float)(step->lr / (1 - pow(step->beta1, t)));
    const float unbias = (float)(1 / sqrt(1 - pow(step->beta2, t)));
    for (size_t i = 0; i < count; i++) {
        float gradient = g[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * gradient;
        v[i] = beta2 * v[i] + rest2 * gradient * gradient;
        w[i] -= rate * m[i] / (sqrtf(v[i]) * unbias + epsilon);
    }
}

static void sgd(const td_step *step, float *restrict w, const float *restrict g, float *restrict v,
                size_t count) {
    const float lr = (float)step->lr, momentum = (float)step->momentum;
    const float decay = (float)step->weight_decay;
    for (size_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= lr * v[i];
    }
}

#define STRING_(name) #name
#define STRING(name) STRING_(name)

extern const td_kernel TD_KERNEL_NAME(td_kernel);
const td_kernel TD_KERNEL_NAME(td_kernel) = {.name = STRING(TD_KERNEL),
                                             .lanes = TD_LANES,
                                             .operators = operators,
                                             .add = add,
                                             .gate = gate,
                                             .adam = adam,
                                             .sgd = sgd};
