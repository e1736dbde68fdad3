/* Filters look for poisoned images in a training set, class by class: a filter says which images of
 * a class are suspects; the frame around it opens the inputs (filter.c), runs the model and
 * projects its values at a hidden layer on the principal directions of their class
 * (filter_features.h), reads the truth to measure by (filter_truth.c), fills the tables
 * (filter_report.c), and writes the set without the suspects (filter_clean.c). A new filter is one
 * file with one struct filter and one tool_method, and a row in methods.c. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_H
#define TOOLS_DEFEND_FILTER_FILTER_H

#include "defend/inputs.h"
#include "measure/roc.h"

enum { FILTER_FIGURES = 4 /* numbers of its own that a filter has of a class, at most */ };

/* What every filter is asked to do. */
typedef struct filter_settings {
    defend_model model;
    const char *data;
    const char *layer;    /* NULL: the last hidden one */
    const char *manifest; /* or NULL */
} filter_settings;

extern const tool_family filters;

/* --- what its record says, read again --- */

typedef struct filter_outcome_class {
    size_t number, images, suspects;
    bool flagged;
    double silhouette; /* of its division; NAN: the filter does not divide */
} filter_outcome_class;

typedef struct filter_outcome {
    bool ranks; /* it ranks the images of every class, and flags no class */
    size_t images;
    filter_outcome_class *classes;
    size_t class_count;
    size_t left_out;  /* classes with too few images to be judged */
    size_t *suspects; /* numbers of images, ascending */
    size_t suspect_count;
} filter_outcome;

/* The families' read: *outcome is a filter_outcome. */
td_status filter_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) TD_MUST_USE;

/* --- the work --- */

/* The images of one class, as a filter sees them. */
typedef struct filter_group {
    uint64_t seed;
    size_t number; /* of the class */
    size_t count, dimensions;
    const double
        *positions; /* [count, dimensions]: along the principal directions, from the mean */
    const double *variances; /* [dimensions]: along each, the largest first */
    double variance;         /* the sum over all directions there are; 0: all images are alike */
} filter_group;

/* What it finds among them; zeroed before. */
typedef struct filter_findings {
    bool *suspects;                 /* [count] */
    double *scores;                 /* [count], of a filter that ranks: high ones are suspicious */
    bool flagged;                   /* the class, by a filter that does not rank */
    double figures[FILTER_FIGURES]; /* as the filter names them */
} filter_findings;

/* A way of judging. `own` are the settings of the method. */
typedef struct filter {
    size_t (*dimensions)(const void *own); /* that it takes, where there are as many */
    /* That a class must have to be judged. */
    size_t (*least_images)(const void *own, size_t dimensions);
    td_status (*judge)(const void *own, const filter_group *group, filter_findings *out,
                       td_error *error);
    bool ranks; /* it takes the first images of every class by scores; else it flags classes */
    tool_column figures[FILTER_FIGURES]; /* real numbers, in the order of the findings' */
} filter;

/* One class, and what was found in it. */
typedef struct filter_class {
    size_t number;
    const char *name;    /* NULL: the set has none */
    size_t begin, count; /* its images are job->order[begin ... begin + count) */
    bool left_out;       /* it has images, but too few to be judged */
    size_t suspects;
    signed char flagged;            /* 0 or 1; -1 by a filter that ranks, and of one left out */
    double figures[FILTER_FIGURES]; /* NaN of a class that is not judged */
    size_t poisoned, hits; /* in truth; poisoned images among the suspects; or TOOL_NO_COUNT */
    tool_estimate auroc;   /* of the scores, poisoned images being the positive class; or NaN */
} filter_class;

typedef struct filter_job {
    tool_run *run;
    const filter_settings *settings;
    const filter *filter;
    td_model model;
    td_dataset data;
    uint32_t *order; /* [images]: class by class */
    filter_class *classes;
    size_t largest;           /* images of a class */
    bool *suspect, *poisoned; /* [images]; poisoned: NULL without --manifest */
} filter_job;

/* Lists in poisoned[images], which is all false, the images of a set that are poisoned by the
 * manifest at `path`. */
td_status filter_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                            td_error *error) TD_MUST_USE;

/* Fills the tables and the record; the images were judged by `features` values at `layer`. */
td_status filter_report(const filter_job *job, const char *layer, size_t features,
                        td_error *error) TD_MUST_USE;

/* Writes the set without the suspects to -o. */
td_status filter_write_cleaned(tool_run *run, const td_dataset *data, const bool *suspect,
                               td_error *error) TD_MUST_USE;

#endif
