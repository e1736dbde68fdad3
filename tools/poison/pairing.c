/* SPDX-License-Identifier: MIT */
#include "poison/pairing.h"

#include <math.h>

double poison_pair(double *distances, size_t n, size_t *pairs) {
    double sum = 0;
    for (size_t done = 0; done < n; done++) {
        size_t best = 0;
        for (size_t i = 1; i < n * n; i++)
            if (distances[i] < distances[best])
                best = i;
        const size_t row = best / n, column = best % n;
        sum += distances[best];
        pairs[row] = column;
        for (size_t i = 0; i < n; i++)
            distances[row * n + i] = distances[i * n + column] = INFINITY;
    }
    return sum;
}
