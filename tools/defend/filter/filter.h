/* SPDX-License-Identifier: MIT */
/* Filters look for poisoned images in a training set, class by class: a filter decides which images
 * of a class are suspects. The framework opens the inputs (filter.c) and clean images for
 * comparison (filter_reference.c), runs the model (filter_values.h) and projects its values at a
 * hidden layer onto the principal directions of their class (filter_features.h), compares classes
 * with each other (filter_compare.c), reads the ground truth for evaluation (filter_truth.c), fills
 * the tables (filter_report.c), and writes the set without the suspects (filter_clean.c). A new
 * filter is one file with one struct filter and one tool_method, and a row in methods.c. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_H
#define TOOLS_DEFEND_FILTER_FILTER_H

#include "defend/inputs.h"
#include "measure/roc.h"

enum {
    FILTER_FIGURES = 4,      /* most numbers of a filter's own per class */
    FILTER_LEAST_CLASSES = 3 /* of fewer that are compared none can stand out */
};

/* The inputs of every filter. */
typedef struct filter_settings {
    defend_model model;
    const char *data;
    const char *layer;    /* NULL: the last hidden one */
    const char *manifest; /* or NULL */
} filter_settings;

extern const tool_family filters;

/* --- the result, read from a record --- */

typedef struct filter_outcome_class {
    size_t number, images, suspects;
    bool flagged;
    double silhouette; /* of its split into two clusters; NAN: the filter does not split */
} filter_outcome_class;

typedef struct filter_outcome {
    bool ranks; /* it ranks the images of every class and flags no class */
    size_t images;
    filter_outcome_class *classes;
    size_t class_count;
    size_t left_out;      /* classes with too few images */
    size_t *suspects;     /* numbers of images within the whole split, ascending */
    size_t suspect_count; /* at most `images` */
} filter_outcome;

/* The families' read: *outcome is a filter_outcome. */
td_status filter_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) TD_MUST_USE;

/* --- the work --- */

/* The images of one class, as given to a filter. */
typedef struct filter_group {
    uint64_t seed;
    size_t number; /* of the class */
    size_t count, dimensions;
    const double *positions; /* [count, dimensions]: coordinates along the principal directions,
                                relative to the mean */
    const double *variances; /* [dimensions]: along each direction, the largest first */
    double variance;         /* the sum over all directions; 0: all images are equal */
} filter_group;

/* The filter's findings in a class; zeroed before. */
typedef struct filter_findings {
    bool *suspects;                 /* [count] */
    double *scores;                 /* [count], if the filter ranks: high ones are suspicious */
    bool flagged;                   /* the class, if the filter does not rank */
    double figures[FILTER_FIGURES]; /* as named in the filter's `figures` */
} filter_findings;

typedef struct filter_job filter_job;

/* The settings of a filter that needs clean images begin with these. */
typedef struct filter_reference {
    const char *clean; /* DATA */
} filter_reference;

/* Key rows for these settings, and for a filter that flags classes, whose settings have a field
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

/* A filter. `own` are the method's settings. Either judge() gets the images of a class as
 * coordinates, or find() gets all. */
typedef struct filter {
    size_t (*dimensions)(const void *own); /* to use, if there are as many images */
    /* Fewest images for a class to be examined. */
    size_t (*least_images)(const void *own, size_t dimensions);
    td_status (*judge)(const void *own, const filter_group *group, filter_findings *out,
                       td_error *error);
    /* Sets the figures of the classes that are not left out, job->suspect, and, if the filter
     * `scores`, job->scores. */
    td_status (*find)(filter_job *job, td_error *error);
    /* NULL, or: figures[0] is a class's statistic, unusually large if it is poisoned. The framework
     * sets figures[1] to its index (filter_compare) and flags the classes whose index is at least
     * this. Other classes lose their suspects. */
    double (*least_index)(const void *own);
    /* NULL: it needs no clean images; otherwise the fewest clean images per class. Its settings
     * begin with a filter_reference. */
    size_t (*least_clean)(const void *own);
    const char *reduction; /* how values at the layer are reduced; NULL: "pca" */
    bool by_model; /* images, clean ones too, belong to the class that the model predicts, not to
                      their label */
    bool scores;   /* it scores the images of every class; high ones are suspicious */
    bool ranks; /* it takes the highest-scored images of every class; otherwise it flags classes */
    tool_column figures[FILTER_FIGURES]; /* real numbers, in the order of the findings' figures */
} filter;

/* One class, and the findings in it. */
typedef struct filter_class {
    size_t number;
    const char *name;                /* NULL: the set has none */
    size_t begin, count;             /* its images are job->order[begin ... begin + count) */
    size_t clean_begin, clean_count; /* clean ones, in job->clean_order */
    bool left_out;                   /* it has images, but too few to examine */
    size_t suspects;
    signed char flagged;            /* 0 or 1; -1 if the filter ranks, and for a class left out */
    double figures[FILTER_FIGURES]; /* NaN for a class that was not examined */
    size_t poisoned, hits; /* true number; poisoned images among the suspects; or TOOL_NO_COUNT */
    tool_estimate auroc;   /* of the scores, poisoned images being the positive class; or NaN */
} filter_class;

struct filter_job {
    tool_run *run;
    const filter_settings *settings;
    const filter *filter;
    td_model model;
    td_dataset data;
    uint32_t *order; /* [images]: class by class, by label or, if by_model, by prediction */
    filter_class *classes;
    size_t largest;           /* size of the largest class */
    bool *suspect, *poisoned; /* [images]; poisoned: NULL without --manifest */
    double *scores;           /* [images] */
    td_dataset clean;         /* zeroed for a filter that needs none */
    uint32_t *clean_order;    /* correctly classified ones or, if by_model, all: class by class */
    size_t clean_count;       /* number of these */
    const char *layer;        /* the layer, and the number of its values per image */
    size_t features;
};

/* The model's classes of images numbers[count] of a set (NULL: the first ones), in the run's arena;
 * predictions beyond the set's classes become `classes`. */
td_status filter_classify(filter_job *job, const td_dataset *data, const uint32_t *numbers,
                          size_t count, int32_t **out, td_error *error) TD_MUST_USE;

/* Opens the clean images, drops those that are also in the set, and sorts them by class. */
td_status filter_open_reference(filter_job *job, td_error *error) TD_MUST_USE;

/* Sets figures[1] of the examined classes from figures[0]: (value - median) / (1.4826 MAD), so that
 * unusually small values are not suspicious. With a MAD of 0 it is INFINITY above the median,
 * otherwise 0; of fewer than FILTER_LEAST_CLASSES all are 0. */
td_status filter_compare(filter_job *job, td_error *error) TD_MUST_USE;

/* Marks in poisoned[images], all false before, the images that the manifest at `path` says are
 * poisoned. */
td_status filter_read_truth(tool_run *run, const td_dataset *data, const char *path, bool *poisoned,
                            td_error *error) TD_MUST_USE;

/* Fills the tables and the record. */
td_status filter_report(const filter_job *job, td_error *error) TD_MUST_USE;

/* Writes the set without the suspects to -o. */
td_status filter_write_cleaned(tool_run *run, const td_dataset *data, const bool *suspect,
                               td_error *error) TD_MUST_USE;

#endif
