/* SPDX-License-Identifier: MIT */
/* What was found while a data set was read that its user may not expect. */
#ifndef TD_DATA_REMARKS_H
#define TD_DATA_REMARKS_H

#include "data/ground.h"
#include <stdbool.h>
#include <stddef.h>

/* What may be said of one picture file. */
typedef enum td_fact {
    TD_FACT_TURNED,      /* its EXIF orientation was applied */
    TD_FACT_LEFT,        /* it has an EXIF orientation, which was not applied */
    TD_FACT_ALPHA,       /* it had an alpha channel */
    TD_FACT_TRANSPARENT, /* some of its pixels were not opaque: it was laid on the ground */
    TD_FACT_LOST,        /* of one colour after that: its form was in its alpha alone */
    TD_FACT_CMYK,        /* its colours were those of inks */
    TD_FACTS,
} td_fact;

typedef struct td_facts {
    bool has[TD_FACTS];
} td_facts;

typedef struct td_remarks {
    size_t pictures[TD_FACTS]; /* how many have each fact; of sets of picture files */
    bool ones;       /* no value is above 1 of 255, and not all are 0: perhaps a scale of 0 to 1 */
    bool transposed; /* stored so by those who published it (EMNIST) */
} td_remarks;

#endif
