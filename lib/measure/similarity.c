#include "measure/similarity.h"

#include "base/size.h"
#include <math.h>
#include <stdlib.h>

enum { WINDOW = 11, MAPS = 5 };

/* The local means that SSIM is made of. */
enum { OF_A, OF_B, OF_AA, OF_BB, OF_AB };

typedef struct window {
    size_t side;
    double weights[WINDOW]; /* in one direction, of sum 1 */
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

/* Weighted sums along one direction, in which neighbours are `stride` apart. */
static inline void filter(const double *weights, size_t side, const double *from, size_t stride,
                          size_t count, double *to) {
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t k = 0; k < side; k++)
            sum += weights[k] * from[i + k * stride];
        to[i] = sum;
    }
}

/* The usual window is a case of its own, for the compiler to unroll. */
static void filter_by(const window *w, const double *from, size_t stride, size_t count,
                      double *to) {
    if (w->side == WINDOW)
        filter(w->weights, WINDOW, from, stride, count, to);
    else
        filter(w->weights, w->side, from, stride, count, to);
}

/* One row's five maps, unfiltered in row [5, length], and filtered across it in the maps at out. */
static void filter_row(const window *w, const uint8_t *a, const uint8_t *b, size_t length,
                       size_t channels, double *row, double *out, size_t map) {
    for (size_t i = 0; i < length; i++) {
        double p = a[i], q = b[i];
        row[OF_A * length + i] = p;
        row[OF_B * length + i] = q;
        row[OF_AA * length + i] = p * p;
        row[OF_BB * length + i] = q * q;
        row[OF_AB * length + i] = p * q;
    }
    size_t shorter = length - (w->side - 1) * channels;
    for (size_t m = 0; m < MAPS; m++)
        filter_by(w, row + m * length, channels, shorter, out + m * map);
}

/* The sum of the index over `length` places, of whose local means there are five. */
static double sum_index(const double *means, size_t length) {
    const double c1 = (.01 * 255) * (.01 * 255), c2 = (.03 * 255) * (.03 * 255);
    double sum = 0;
    for (size_t i = 0; i < length; i++) {
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

double td_ssim(const uint8_t *a, const uint8_t *b, size_t height, size_t width, size_t channels,
               double *scratch) {
    window w = make_window(height, width);
    size_t length = width * channels, shorter = (width - w.side + 1) * channels;
    size_t map = height * shorter, places = height - w.side + 1;
    double *row = scratch, *means = row + MAPS * length, *across = means + MAPS * shorter;
    for (size_t y = 0; y < height; y++)
        filter_row(&w, a + y * length, b + y * length, length, channels, row, across + y * shorter,
                   map);
    double sum = 0;
    for (size_t y = 0; y < places; y++) {
        for (size_t m = 0; m < MAPS; m++)
            filter_by(&w, across + m * map + y * shorter, shorter, shorter, means + m * shorter);
        sum += sum_index(means, shorter);
    }
    return sum / (double)(places * shorter);
}

double td_psnr(const uint8_t *a, const uint8_t *b, size_t size) {
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)(a[i] - b[i]) * (a[i] - b[i]);
    return sum > 0 ? 10 * log10(255.0 * 255.0 * (double)size / sum) : INFINITY;
}

int td_linf(const uint8_t *a, const uint8_t *b, size_t size) {
    int largest = 0;
    for (size_t i = 0; i < size; i++) {
        int difference = abs(a[i] - b[i]);
        largest = difference > largest ? difference : largest;
    }
    return largest;
}
