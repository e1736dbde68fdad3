/* SPDX-License-Identifier: MIT */
/* The findings of model inspectors: a list of one kind and with one statistic, their evaluation,
 * and their form in a record. */
#ifndef TOOLS_DEFEND_INSPECT_FINDINGS_H
#define TOOLS_DEFEND_INSPECT_FINDINGS_H

#include "base/arena.h"
#include "frame/table.h"
#include "measure/rates.h"
#include <math.h>
#include <stdbool.h>

enum {
    FINDINGS_LEAST = 3, /* fewest values for a verdict by MAD; with fewer nothing is flagged */
    FINDINGS_MOST = 1 << 20,
};

/* The subject of a finding. */
typedef enum finding_about {
    FINDING_CLASS, /* a class to which images are sent */
    FINDING_PAIR,  /* a class and the source class whose images are sent to it */
    FINDING_MAP,   /* a target for the images of each class */
    FINDING_MODEL, /* the model as a whole */
} finding_about;

/* The number that ranks findings. */
typedef struct finding_statistic {
    const char *name; /* in the record and in tables: "size" */
    const char *unit; /* "pixels"; NULL: none */
    bool large; /* large values are suspicious; otherwise small ones are, and none is below 0 */
} finding_statistic;

/* A recovered trigger, x' = (1 − m)·x + m·p. */
typedef struct inspect_trigger {
    const float *mask;    /* m, [height, width], in [0, 1]; NULL: there is no trigger */
    const float *pattern; /* p, [height, width, channels], raw pixels 0–255 */
    const float *change; /* instead of these: an additive change, [height, width, channels], in grey
                            levels; NULL: none */
} inspect_trigger;

enum { FINDING_OWN = 3 };

typedef struct finding {
    size_t class;    /* FINDING_CLASS, FINDING_PAIR */
    size_t source;   /* FINDING_PAIR; else TOOL_NO_COUNT */
    const char *map; /* FINDING_MAP: "1,2,0" sends class 0 to 1 and so on; else NULL */
    bool found;      /* it has a value; findings without one take no part in a verdict */
    double value;    /* of the statistic */
    double index; /* distance from the median on the suspicious side, in standard deviations: below
                     0 on the other side, INFINITY if the MAD is 0; NAN without one */
    double p;     /* from controls, in [0, 1]; NAN without them */
    td_rate asr;  /* of the trigger, on the inspector's images; else no trials */
    bool flagged;
    inspect_trigger trigger; /* written as pictures */
    union {
        size_t count;
        double real;
        const char *text;
    } own[FINDING_OWN]; /* values of the inspector's own columns */
} finding;

/* A finding with a value, about that class (0 if it is not about a class). */
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
    size_t unsearched; /* classes not searched before the time was up */
    size_t flagged;    /* flagged findings */
    size_t valued;     /* findings with a value */
    bool judged;       /* there is a verdict */
    /* Of the values, and the cutoff for the index; NAN if findings are not judged by these or,
     * except the cutoff, if there are no values. */
    double median, mad, cutoff;
} findings;

/* The deviation that scales the index. */
typedef enum findings_spread {
    FINDINGS_OWN,        /* none: the inspector sets index, p and flagged itself */
    FINDINGS_MAD,        /* the MAD of all values */
    FINDINGS_DOUBLE_MAD, /* the MAD of the values on the suspicious side of the median, including it
                          */
    FINDINGS_RANKED, /* the MAD of all values, but nothing is flagged: clean models have outliers
                        too, and only controls show how many */
} findings_spread;

/* Judges the findings: sets index and flagged of each (flagged: index above the cutoff), and the
 * counts, median, MAD and cutoff. TD_ERR_MEMORY. */
td_status findings_judge(findings *f, findings_spread spread, td_error *error) TD_MUST_USE;

/* The most suspicious finding by the statistic, or by the index; the first of equals; NULL if there
 * is none. */
const finding *findings_first(const findings *f);
const finding *findings_largest_index(const findings *f);

/* The farthest outlier by its index on the side that is not suspicious; NULL if there is none. */
const finding *findings_opposite(const findings *f);

/* The first finding about the class, or NULL. */
const finding *findings_find(const findings *f, size_t class);

/* The subject of a finding as text in `arena`: "class 3", "class 2 to 3", "the map 1,2,0". */
td_status findings_subject(const findings *f, const finding *one, td_arena *arena, const char **out,
                           td_error *error) TD_MUST_USE;

/* The field of the record that lists the findings: "classes", or "findings" if their subjects are
 * not classes. */
const char *findings_field(finding_about about);

/* The record's "statistic": {"name", "unit", "suspicious": "small" or "large", "of", "asr"}. NULL
 * when out of memory. */
json_t *findings_statistic_json(td_json *json, const findings *f);

/* Reads findings from an inspector's record: *out is a const findings *, in `arena`. Triggers and
 * an inspector's own columns are not read. TD_ERR_FORMAT with the place for another record. */
td_status findings_read(const json_t *record, td_arena *arena, const void **out,
                        td_error *error) TD_MUST_USE;

#endif
