/* A few numbers that say how values are spread, beside the values themselves. */
#ifndef TOOLS_DEFEND_AUDIT_DISTRIBUTION_H
#define TOOLS_DEFEND_AUDIT_DISTRIBUTION_H

#include <jansson.h>
#include <stddef.h>

typedef struct distribution {
    size_t count;
    double least, lower, median, upper, most; /* `lower` and `upper` are the quartiles */
} distribution;

/* Sorts the values, none of which is NaN, and describes them. A quartile between two values is
 * interpolated (the usual 1 + (n − 1)·p); values may be infinite. All zero for none. */
distribution distribution_of(double *values, size_t count);

/* {"count", "min", "lower_quartile", "median", "upper_quartile", "max", "values"} with all values,
 * which are sorted; an infinite one is null. NULL when out of memory. */
json_t *distribution_json(const distribution *of, const double *values);

/* Prints "NAME  min 0.41  quartiles 0.82, 1.03, 1.30  max 1.92  of 12". */
void distribution_print(const char *name, const distribution *of);

#endif
