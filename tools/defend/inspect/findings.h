/* SPDX-License-Identifier: MIT */
/* What inspectors of models find: a list of findings, of one kind and by one statistic, how they
 * are judged, and the same as a record has it. */
#ifndef TOOLS_DEFEND_INSPECT_FINDINGS_H
#define TOOLS_DEFEND_INSPECT_FINDINGS_H

#include "base/arena.h"
#include "frame/table.h"
#include "measure/rates.h"
#include <math.h>
#include <stdbool.h>

enum {
    FINDINGS_LEAST = 3, /* values that a verdict by MAD takes; with fewer nothing is flagged */
    FINDINGS_MOST = 1 << 20,
};

/* What a finding is about. */
typedef enum finding_about {
    FINDING_CLASS, /* a class that images are sent to */
    FINDING_PAIR,  /* a class and the one whose images are sent there */
    FINDING_MAP,   /* where the images of each class are sent */
    FINDING_MODEL, /* the model as a whole */
} finding_about;

/* The number by which findings are compared. */
typedef struct finding_statistic {
    const char *name; /* in the record and in tables: "size" */
    const char *unit; /* "pixels"; NULL: none */
    bool large; /* large values are suspicious; otherwise small ones are, and none is below 0 */
} finding_statistic;

/* A recovered trigger, x' = (1 − m)·x + m·p. */
typedef struct inspect_trigger {
    const float *mask;    /* m, [height, width], in [0, 1]; NULL: there is no trigger */
    const float *pattern; /* p, [height, width, channels], raw pixels 0–255 */
    const float *change;  /* in their place: what is added, [height, width, channels], in grey
                             levels; NULL: there is none */
} inspect_trigger;

enum { FINDING_OWN = 3 };

typedef struct finding {
    size_t class;    /* FINDING_CLASS, FINDING_PAIR */
    size_t source;   /* FINDING_PAIR; else TOOL_NO_COUNT */
    const char *map; /* FINDING_MAP: "1,2,0" sends class 0 to 1 and so on; else NULL */
    bool found;      /* whether it has a value; what has none takes no part in a verdict */
    double value;    /* of the statistic */
    double index;    /* how far it lies on the suspicious side, in standard deviations: below 0 on
                        the other side, INFINITY where the MAD is 0; NAN without one */
    double p;        /* by controls, in [0, 1]; NAN without them */
    td_rate asr;     /* of the trigger, on the images that the inspector says; else no trials */
    bool flagged;
    inspect_trigger trigger; /* written as pictures */
    union {
        size_t count;
        double real;
        const char *text;
    } own[FINDING_OWN]; /* of the inspector's own columns */
} finding;

/* A finding with a value, about that class (0 where it is not about one). */
static inline finding finding_new(size_t class, double value) {
    return (finding){.class = class,
                     .source = TOOL_NO_COUNT,
                     .found = true,
                     .value = value,
                     .index = NAN,
                     .p = NAN};
}

typedef struct findings {
    finding_about about;
    finding_statistic statistic;
    bool rated; /* each has an ASR */
    finding *list;
    size_t count;
    size_t unsearched; /* classes that were left out, since the time was up */
    size_t flagged;    /* how many are */
    size_t valued;     /* how many have a value */
    bool judged;       /* whether there is a verdict */
    /* Of the values, and what an index must exceed; NAN where they are not judged by these, or, but
     * for the cutoff, where there is none. */
    double median, mad, cutoff;
} findings;

/* Which deviation the index is by. */
typedef enum findings_spread {
    FINDINGS_OWN,        /* none: the inspector sets index, p and flagged itself */
    FINDINGS_MAD,        /* the MAD of all values */
    FINDINGS_DOUBLE_MAD, /* of those on the suspicious side of the median, and at it */
    FINDINGS_RANKED, /* the MAD of all values, but nothing is flagged: clean models have outliers
                        as well, and only controls tell how many */
} findings_spread;

/* Judges: sets index and flagged of all findings by the spread, an index above the cutoff being
 * flagged, and the counts, median, MAD and cutoff. TD_ERR_MEMORY. */
td_status findings_judge(findings *f, findings_spread spread, td_error *error) TD_MUST_USE;

/* The first of the most suspicious by the statistic, or by the index; NULL if there is none. */
const finding *findings_first(const findings *f);
const finding *findings_largest_index(const findings *f);

/* The one that lies farthest from the others on the side that is not suspicious, if that is an
 * outlier by its index; else NULL. */
const finding *findings_opposite(const findings *f);

/* The first about the class, or NULL. */
const finding *findings_find(const findings *f, size_t class);

/* What a finding is about, in words, in `arena`: "class 3", "class 2 to 3", "the map 1,2,0". */
td_status findings_subject(const findings *f, const finding *one, td_arena *arena, const char **out,
                           td_error *error) TD_MUST_USE;

/* The field of the record that lists the findings: "classes", or "findings" where they are not
 * about a class each. */
const char *findings_field(finding_about about);

/* The record's "statistic": {"name", "unit", "suspicious": "small" or "large", "of", "asr"}. NULL
 * when out of memory. */
json_t *findings_statistic_json(td_json *json, const findings *f);

/* Reads them back from an inspector's record: *out is a const findings *, in `arena`. Triggers and
 * an inspector's own columns are not read. TD_ERR_FORMAT, which says where, for another record. */
td_status findings_read(const json_t *record, td_arena *arena, const void **out,
                        td_error *error) TD_MUST_USE;

#endif
