/* SPDX-License-Identifier: MIT */
#include "defend/filter/gram.h"

#include "measure/mad.h"
#include <cblas.h>
#include <math.h>

static const double spread = 10; /* MADs */

static double power(double x, unsigned p) {
    double y = x;
    for (unsigned i = 1; i < p; i++)
        y *= x;
    return y;
}

void gram_of(const float *map, size_t channels, size_t positions, unsigned order, double *scratch,
             double *out) {
    double *raised = scratch, *products = scratch + channels * positions;
    const int c = (int)channels, n = (int)positions;
    for (size_t i = 0; i < channels * positions; i++)
        raised[i] = power((double)map[i], order);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, c, c, n, 1, raised, n, raised, n, 0,
                products, c);
    for (size_t i = 0; i < channels; i++)
        for (size_t k = i; k < channels; k++) {
            const double g = products[i * channels + k];
            *out++ = copysign(pow(fabs(g), 1 / (double)order), g);
        }
}

void gram_bound(const double *column, size_t count, size_t stride, size_t fold, size_t folds,
                double *low, double *high, double *scratch) {
    double *values = scratch, *sorted = scratch + count;
    size_t taken = 0;
    for (size_t i = 0; i < count; i++)
        if (fold >= folds || i % folds != fold)
            values[taken++] = column[i * stride];
    const double median = td_median(values, taken, sorted);
    const double mad = td_mad(values, taken, median, sorted);
    *low = median - spread * mad;
    *high = median + spread * mad;
}

double gram_deviation(const double *entries, size_t count, const gram_bounds *bounds) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double low = bounds->low[i], high = bounds->high[i], g = entries[i];
        if (g < low)
            sum += (low - g) / fmax(fabs(low), bounds->floor);
        else if (g > high)
            sum += (g - high) / fmax(fabs(high), bounds->floor);
    }
    return sum;
}

/* --- the discrepancy --- */

typedef struct two {
    const float *x, *y;
    size_t m, n, dimension;
} two;

static const float *point(const two *t, size_t i) {
    return i < t->m ? t->x + i * t->dimension : t->y + (i - t->m) * t->dimension;
}

static double squared_distance(const two *t, size_t i, size_t k) {
    const float *a = point(t, i), *b = point(t, k);
    double sum = 0;
    for (size_t d = 0; d < t->dimension; d++)
        sum += ((double)a[d] - (double)b[d]) * ((double)a[d] - (double)b[d]);
    return sum;
}

double gram_discrepancy(const float *x, size_t m, const float *y, size_t n, size_t dimension) {
    const two t = {x, y, m, n, dimension};
    const double a = (double)m, b = (double)n;
    double total = 0, sum = 0;
    if (m == 0 || n == 0)
        return 0;
    for (size_t i = 0; i < m + n; i++)
        for (size_t k = 0; k < i; k++)
            total += 2 * squared_distance(&t, i, k);
    if (total == 0)
        return 0;
    const double width = total / ((a + b) * (a + b - 1));
    for (size_t i = 0; i < m + n; i++)
        for (size_t k = 0; k <= i; k++) {
            const double d = squared_distance(&t, i, k);
            const double kernel = exp(-d / (width / 2)) + exp(-d / width);
            const double weight = (i < m) != (k < m) ? -1 / (a * b)
                                  : i < m            ? 1 / (a * a)
                                                     : 1 / (b * b);
            sum += (i == k ? 1 : 2) * weight * kernel;
        }
    return sum;
}
