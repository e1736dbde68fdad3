/* SPDX-License-Identifier: MIT */
/* Filters look for poisoned images in a training set, class by class: a filter says which images of
 * a class are suspects; the frame around it opens the inputs (filter.c) and clean images to compare
 * with (filter_reference.c), runs the model (filter_values.h) and projects its values at a hidden
 * layer on the principal directions of their class (filter_features.h), compares classes with each
 * other (filter_compare.c), reads the truth to measure by (filter_truth.c), fills the tables
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

typedef struct filter_job filter_job;

/* What the settings of a filter that needs clean images begin with. */
typedef struct filter_reference {
    const char *clean; /* DATA */
} filter_reference;

/* The rows of keys for it, and for a filter that flags classes; the latter's settings have a field
 * `exit_code`. */
#define FILTER_CLEAN                                                                               \
    {                                                                                              \
        .name = "clean", .kind = TD_KEY_TEXT, .offset = offsetof(filter_reference, clean),         \
        .required = true, .value = "DATA",                                                         \
        .help = "Clean images to compare with, of the set's classes (split test)"                  \
    }
#define FILTER_EXIT_CODE(type)                                                                     \
    {                                                                                              \
        .name = "exit-code", .kind = TD_KEY_FLAG, .offset = offsetof(type, exit_code),             \
        .unrecorded = true, .help = "Exit with 3 if a class is flagged"                            \
    }

/* A way of judging. `own` are the settings of the method. Either judge() sees the images of a class
 * by their positions, or find() sees all. */
typedef struct filter {
    size_t (*dimensions)(const void *own); /* that it takes, where there are as many images */
    /* That a class must have to be judged. */
    size_t (*least_images)(const void *own, size_t dimensions);
    td_status (*judge)(const void *own, const filter_group *group, filter_findings *out,
                       td_error *error);
    /* Sets the figures of the classes that are not left out, job->suspect, and, if it `scores`,
     * job->scores. */
    td_status (*find)(filter_job *job, td_error *error);
    /* NULL, or: figures[0] is a statistic of a class, unusually large where it is poisoned; the
     * frame sets figures[1] to its index (filter_compare), and flags the classes whose index is at
     * least this. Others lose their suspects. */
    double (*least_index)(const void *own);
    /* NULL: it needs no clean images; else how many of a class. Its settings begin with a
     * filter_reference. */
    size_t (*least_clean)(const void *own);
    const char *reduction; /* what is done with the values at the layer; NULL: "pca" */
    bool by_model;         /* images, clean ones, too, are of the class that the model gives them,
                              whatever their label */
    bool scores;           /* it scores the images of every class: high ones are suspicious */
    bool ranks; /* it takes the first images of every class by scores; else it flags classes */
    tool_column figures[FILTER_FIGURES]; /* real numbers, in the order of the findings' */
} filter;

/* One class, and what was found in it. */
typedef struct filter_class {
    size_t number;
    const char *name;                /* NULL: the set has none */
    size_t begin, count;             /* its images are job->order[begin ... begin + count) */
    size_t clean_begin, clean_count; /* clean ones, in job->clean_order */
    bool left_out;                   /* it has images, but too few to be judged */
    size_t suspects;
    signed char flagged;            /* 0 or 1; -1 by a filter that ranks, and of one left out */
    double figures[FILTER_FIGURES]; /* NaN of a class that is not judged */
    size_t poisoned, hits; /* in truth; poisoned images among the suspects; or TOOL_NO_COUNT */
    tool_estimate auroc;   /* of the scores, poisoned images being the positive class; or NaN */
} filter_class;

struct filter_job {
    tool_run *run;
    const filter_settings *settings;
    const filter *filter;
    td_model model;
    td_dataset data;
    uint32_t
        *order; /* [images]: class by class, by label or, of a filter by_model, by the model's */
    filter_class *classes;
    size_t largest;           /* images of a class */
    bool *suspect, *poisoned; /* [images]; poisoned: NULL without --manifest */
    double *scores;           /* [images] */
    td_dataset clean;         /* zeroed, of a filter that needs none */
    uint32_t *clean_order;    /* those whose class the model gets right, or, of a filter by_model,
                                 all: class by class */
    size_t clean_count;       /* of these */
    const char *layer;        /* whose values are used, and how many of an image there are */
    size_t features;
};

/* The model's classes of images numbers[count] of a set, NULL for the first ones, in the run's
 * arena; what it makes of more classes than the set has is `classes`. */
td_status filter_classify(filter_job *job, const td_dataset *data, const uint32_t *numbers,
                          size_t count, int32_t **out, td_error *error) TD_MUST_USE;

/* Opens the clean images, leaves out those that the set has as well, and sorts them. */
td_status filter_open_reference(filter_job *job, td_error *error) TD_MUST_USE;

/* Sets figures[1] of the classes that are judged, by figures[0]: (value - median) / (1.4826 MAD)
 * over them, so that what is unusually small is not suspicious. With a MAD of 0 it is INFINITY of
 * what is above the median, 0 of others. */
td_status filter_compare(filter_job *job, td_error *error) TD_MUST_USE;

/* Lists in poisoned[images], which is all false, the images of a set that are poisoned by the
 * manifest at `path`. */
td_status filter_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                            td_error *error) TD_MUST_USE;

/* Fills the tables and the record. */
td_status filter_report(const filter_job *job, td_error *error) TD_MUST_USE;

/* Writes the set without the suspects to -o. */
td_status filter_write_cleaned(tool_run *run, const td_dataset *data, const bool *suspect,
                               td_error *error) TD_MUST_USE;

#endif
