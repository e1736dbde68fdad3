/* SPDX-License-Identifier: MIT */
#include "nn/ball.h"

#include <math.h>

static const float RANGE = 255;

static float clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

double td_toward_class(const float *logits, size_t classes, size_t to, float *gradient) {
    double largest = -INFINITY, total = 0;
    for (size_t c = 0; c < classes; c++)
        if (c != to)
            largest = fmax(largest, (double)logits[c]);
    for (size_t c = 0; c < classes; c++)
        if (c != to)
            total += exp((double)logits[c] - largest);
    for (size_t c = 0; c < classes; c++)
        gradient[c] = c == to ? 1 : (float)(-exp((double)logits[c] - largest) / total);
    return (double)logits[to] - largest - log(total);
}

void td_ball_project(td_ball ball, const float *clean, size_t size, float *x) {
    if (ball.l2) {
        double squares = 0;
        for (size_t i = 0; i < size; i++)
            squares += (double)(x[i] - clean[i]) * (double)(x[i] - clean[i]);
        float scale = (float)fmin(1, (double)ball.radius / sqrt(squares));
        for (size_t i = 0; i < size && squares > 0; i++)
            x[i] = clean[i] + scale * (x[i] - clean[i]);
    }
    for (size_t i = 0; i < size; i++) {
        float near = clip(x[i], clean[i] - ball.radius, clean[i] + ball.radius);
        x[i] = clip(near, 0, RANGE);
    }
}

static double norm(const float *values, size_t size) {
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

void td_ball_step(td_ball ball, const float *clean, const float *gradient, float step, size_t size,
                  float *x) {
    double length = ball.l2 ? norm(gradient, size) : 1;
    float factor = length > 0 ? (float)((double)step / length) : 0;
    for (size_t i = 0; i < size; i++) {
        float sign = (float)((gradient[i] > 0) - (gradient[i] < 0));
        x[i] += factor * (ball.l2 ? gradient[i] : sign);
    }
    td_ball_project(ball, clean, size, x);
}

void td_ball_draw(td_ball ball, const float *clean, td_random random, size_t size, float *x) {
    double scale = 1;
    if (ball.l2) {
        double radius = pow((double)td_random_unit(&random), 1 / (double)size), squares = 0;
        for (size_t i = 0; i < size; i++) {
            x[i] = td_random_normal(&random);
            squares += (double)x[i] * (double)x[i];
        }
        scale = radius / sqrt(squares);
    } else {
        for (size_t i = 0; i < size; i++)
            x[i] = 2 * td_random_unit(&random) - 1;
    }
    for (size_t i = 0; i < size; i++)
        x[i] = clean[i] + (float)scale * ball.radius * x[i];
    td_ball_project(ball, clean, size, x);
}

void td_ball_round(td_ball ball, const float *clean, const float *x, size_t size, uint8_t *out) {
    const double slack = 1e-4; /* of 0.2 · 255 in binary */
    float bound = (float)floor((double)ball.radius + slack);
    double squares = INFINITY, most = (double)ball.radius + slack;
    for (float shrink = 1; squares > most * most; shrink *= 0.99F) {
        squares = 0;
        for (size_t i = 0; i < size; i++) {
            float change = clip(rintf(shrink * (x[i] - clean[i])), -bound, bound);
            out[i] = (uint8_t)(clean[i] + change);
            squares += (double)change * (double)change;
        }
        if (!ball.l2)
            break;
    }
}
