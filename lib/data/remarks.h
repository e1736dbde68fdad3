/* SPDX-License-Identifier: MIT */
/* Facts about a data set, found while reading it, that may surprise its user. */
#ifndef TD_DATA_REMARKS_H
#define TD_DATA_REMARKS_H

#include "data/ground.h"
#include <stdbool.h>
#include <stddef.h>

/* Facts about one picture file. */
typedef enum td_fact {
    TD_FACT_TURNED,      /* its EXIF orientation was applied */
    TD_FACT_LEFT,        /* it has an EXIF orientation that was not applied */
    TD_FACT_ALPHA,       /* it had an alpha channel */
    TD_FACT_TRANSPARENT, /* some pixels were not opaque: it was composited onto the background */
    TD_FACT_LOST,        /* one colour after that: its shape was only in the alpha channel */
    TD_FACT_CMYK,        /* its colours were CMYK */
    TD_FACTS,
} td_fact;

typedef struct td_facts {
    bool has[TD_FACTS];
} td_facts;

typedef struct td_remarks {
    size_t pictures[TD_FACTS]; /* number of pictures with each fact; for sets of picture files */
    bool ones;                 /* no value is above 1, and not all are 0: the scale may be 0 to 1 */
    bool transposed;           /* published in transposed form (EMNIST) */
} td_remarks;

#endif
