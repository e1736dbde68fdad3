#include "defend/audit/distribution.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What is infinite has no part of the way to its neighbour. */
static double at(const double *values, size_t count, double share) {
    const double place = share * (double)(count - 1);
    const size_t below = (size_t)place;
    const double rest = place - (double)below;
    return rest == 0 || isinf(values[below])
               ? values[below]
               : values[below] + rest * (values[below + 1] - values[below]);
}

distribution distribution_of(double *values, size_t count) {
    if (count == 0)
        return (distribution){0};
    qsort(values, count, sizeof *values, compare);
    return (distribution){count,
                          values[0],
                          at(values, count, 0.25),
                          at(values, count, 0.5),
                          at(values, count, 0.75),
                          values[count - 1]};
}

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *distribution_json(const distribution *of, const double *values) {
    json_t *list = json_array();
    for (size_t i = 0; i < of->count; i++)
        json_array_append_new(list, number(values[i]));
    if (of->count == 0)
        return json_pack("{si so}", "count", 0, "values", list);
    return json_pack("{sI so so so so so so}", "count", (json_int_t)of->count, "min",
                     number(of->least), "lower_quartile", number(of->lower), "median",
                     number(of->median), "upper_quartile", number(of->upper), "max",
                     number(of->most), "values", list);
}

void distribution_print(const char *name, const distribution *of) {
    if (of->count > 0)
        printf("  %-34s min %.2f  quartiles %.2f, %.2f, %.2f  max %.2f  of %zu\n", name, of->least,
               of->lower, of->median, of->upper, of->most, of->count);
}
