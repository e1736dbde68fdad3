/* SPDX-License-Identifier: MIT */
#include "poison/matching.h"

#include "nn/loss.h"
#include <math.h>
#include <string.h>

td_status matching_open(matching *m, const td_net *net, size_t batch, double difference,
                        td_arena *arena, td_error *error) {
    *m = (matching){.net = net,
                    .batch = batch,
                    .size = td_shape_size(td_net_input(net)),
                    .classes = td_net_classes(net),
                    .difference = difference};
    float **arrays[] = {&m->own, &m->moved};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, net->weight_count, arrays[i], "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, batch * m->size, &m->plus, "gradients", error));
    TD_TRY(td_exec_new(&m->by_weights, net, batch, TD_BACKWARD, error));
    return td_exec_new(&m->by_image, net, batch, TD_BACKWARD_IMAGE, error);
}

void matching_close(matching *m) {
    td_exec_free(m->by_weights);
    td_exec_free(m->by_image);
    *m = (matching){0};
}

/* ⟨a, b⟩ over the trainable weights. */
static double dot(const td_net *net, const float *a, const float *b) {
    double sum = 0;
    for (size_t p = 0; p < net->param_count; p++) {
        const td_param *param = &net->params[p];
        for (size_t i = 0; td_param_learns(param) && i < param->count; i++)
            sum += (double)a[param->offset + i] * (double)b[param->offset + i];
    }
    return sum;
}

void matching_weights(matching *m, const float *weights, float *goal) {
    m->weights = weights;
    m->goal = goal;
    m->length = sqrt(dot(m->net, weights, weights));
    m->goal_length = sqrt(dot(m->net, goal, goal));
    td_exec_weights(m->by_weights, weights);
}

double matching_own(matching *m, const float *x, const int32_t *labels, size_t count) {
    memcpy(td_exec_input(m->by_weights), x, count * m->size * sizeof *x);
    const float *logits = td_exec_forward(m->by_weights, count);
    td_cross_entropy(logits, labels, count, m->classes, td_exec_logits_gradient(m->by_weights));
    td_exec_backward(m->by_weights, m->own);
    for (size_t p = 0; p < m->net->param_count; p++)
        if (!td_param_learns(&m->net->params[p]))
            memset(m->own + m->net->params[p].offset, 0, m->net->params[p].count * sizeof *m->own);
    return sqrt(dot(m->net, m->own, m->own));
}

void matching_add(matching *m, double share) {
    for (size_t i = 0; i < m->net->weight_count; i++)
        m->goal[i] += (float)(share * (double)m->own[i]);
    m->goal_length = sqrt(dot(m->net, m->goal, m->goal));
}

/* θ + h (a g_s + b g_p), where the sum is u. */
static void move(matching *m, double h, double a, double b) {
    for (size_t i = 0; i < m->net->weight_count; i++)
        m->moved[i] =
            (float)((double)m->weights[i] + h * (a * (double)m->goal[i] + b * (double)m->own[i]));
    td_exec_weights(m->by_image, m->moved);
}

/* The gradient of the mean loss with respect to the images, at the moved weights. */
static const float *slope(matching *m, const float *x, const int32_t *labels, size_t count) {
    memcpy(td_exec_input(m->by_image), x, count * m->size * sizeof *x);
    const float *logits = td_exec_forward(m->by_image, count);
    td_cross_entropy(logits, labels, count, m->classes, td_exec_logits_gradient(m->by_image));
    return td_exec_backward(m->by_image, NULL);
}

double matching_batch(matching *m, const float *x, const int32_t *labels, size_t count,
                      float *gradient) {
    const size_t values = count * m->size;
    const double own = matching_own(m, x, labels, count), lengths = own * m->goal_length;
    const double likeness = lengths > 0 ? dot(m->net, m->goal, m->own) / lengths : 0;
    if (!gradient)
        return 1 - likeness;
    memset(gradient, 0, values * sizeof *gradient);
    /* u = a g_s + b g_p; its length is the sine of the angle between the two, divided by ‖g_p‖. */
    const double sine = sqrt(fmax(0, 1 - likeness * likeness));
    if (!(lengths > 0) || !(sine > 0))
        return 1 - likeness;
    const double a = -1 / lengths, b = likeness / (own * own);
    const double h = m->difference * m->length * own / sine;
    move(m, h, a, b);
    memcpy(m->plus, slope(m, x, labels, count), values * sizeof *m->plus);
    move(m, -h, a, b);
    const float *minus = slope(m, x, labels, count);
    for (size_t i = 0; i < values; i++)
        gradient[i] = (float)(((double)m->plus[i] - (double)minus[i]) / (2 * h));
    return 1 - likeness;
}
