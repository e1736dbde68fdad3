/* SPDX-License-Identifier: MIT */
#include "measure/similarity.h"

#include "base/size.h"
#include <math.h>
#include <stdlib.h>

enum { WINDOW = 11, MAPS = 5 };

/* The local means used by SSIM. */
enum { OF_A, OF_B, OF_AA, OF_BB, OF_AB };

typedef struct window {
    size_t side;
    double weights[WINDOW]; /* in one direction, with sum 1 */
} window;

static window make_window(size_t height, size_t width) {
    const double sigma = 1.5;
    size_t side = td_size_min(WINDOW, td_size_min(height, width));
    window w = {.side = side - (side % 2 == 0)};
    double sum = 0;
    for (size_t i = 0; i < w.side; i++) {
        double distance = (double)i - (double)(w.side / 2);
        w.weights[i] = exp(-distance * distance / (2 * sigma * sigma));
        sum += w.weights[i];
    }
    for (size_t i = 0; i < w.side; i++)
        w.weights[i] /= sum;
    return w;
}

/* Weighted sums along one direction with neighbours `stride` apart. */
static inline void filter(const double *restrict weights, size_t side, const double *restrict from,
                          size_t stride, size_t count, double *restrict to) {
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t k = 0; k < side; k++)
            sum += weights[k] * from[i + k * stride];
        to[i] = sum;
    }
}

/* The usual window is a separate case, so that the compiler unrolls it. */
static void filter_by(const window *w, const double *from, size_t stride, size_t count,
                      double *to) {
    if (w->side == WINDOW)
        filter(w->weights, WINDOW, from, stride, count, to);
    else
        filter(w->weights, w->side, from, stride, count, to);
}

/* A row of the five maps, [5, length]. */
static void map_row(const uint8_t *a, const uint8_t *b, size_t length, double *row) {
    for (size_t i = 0; i < length; i++) {
        double p = a[i], q = b[i];
        row[OF_A * length + i] = p;
        row[OF_B * length + i] = q;
        row[OF_AA * length + i] = p * p;
        row[OF_BB * length + i] = q * q;
        row[OF_AB * length + i] = p * q;
    }
}

/* The sum of the index over `count` positions, with local means in [5, length]. */
static double sum_index(const double *means, size_t length, size_t count) {
    const double c1 = (.01 * 255) * (.01 * 255), c2 = (.03 * 255) * (.03 * 255);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double a = means[OF_A * length + i], b = means[OF_B * length + i];
        double squares = a * a + b * b, product = a * b;
        double variances = means[OF_AA * length + i] + means[OF_BB * length + i] - squares;
        double covariance = means[OF_AB * length + i] - product;
        sum += (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2));
    }
    return sum;
}

size_t td_ssim_scratch(size_t height, size_t width, size_t channels) {
    return MAPS * width * channels * (height + 2);
}

/* The five maps are filtered as one long row, down and then across; sums that span two maps are
 * ignored. */
double td_ssim(const uint8_t *a, const uint8_t *b, size_t height, size_t width, size_t channels,
               double *scratch) {
    window w = make_window(height, width);
    size_t length = width * channels, count = (width - w.side + 1) * channels;
    size_t places = height - w.side + 1, row = MAPS * length;
    double *maps = scratch, *down = maps + height * row, *means = down + row, sum = 0;
    for (size_t y = 0; y < height; y++)
        map_row(a + y * length, b + y * length, length, maps + y * row);
    for (size_t y = 0; y < places; y++) {
        filter_by(&w, maps + y * row, row, row, down);
        filter_by(&w, down, channels, row - (w.side - 1) * channels, means);
        sum += sum_index(means, length, count);
    }
    return sum / (double)(places * count);
}

double td_psnr(const uint8_t *a, const uint8_t *b, size_t size) {
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        int difference = a[i] - b[i];
        sum += (uint32_t)(difference * difference);
    }
    return sum > 0 ? 10 * log10(255.0 * 255.0 * (double)size / (double)sum) : INFINITY;
}

int td_linf(const uint8_t *a, const uint8_t *b, size_t size) {
    int largest = 0;
    for (size_t i = 0; i < size; i++) {
        int difference = abs(a[i] - b[i]);
        largest = difference > largest ? difference : largest;
    }
    return largest;
}
