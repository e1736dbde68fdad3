/* One run of a method that looks for poisoned images in a training set, and its parts: the inputs
 * (filter_inputs.c), what the model makes of the images (filter_features.c), the truth to measure by
 * (filter_truth.c), how the result is told (filter_report.c), and the set without the suspects
 * (filter_clean.c).
 *
 * Each class is looked through by itself: the values that the model has for its images at a hidden
 * layer are projected on the principal directions of their cloud, and the method judges the
 * projections. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_H
#define TOOLS_DEFEND_FILTER_FILTER_H

#include "base/file.h"
#include "frame/progress.h"
#include "frame/record.h"
#include "defend/filter/moments.h"
#include "defend/filter/filter_options.h"
#include "measure/roc.h"
#include "nn/exec.h"
#include "nn/model.h"

enum {
    FILTER_BATCH = 128,           /* images that the net takes at once */
    FILTER_MOST_FEATURES = 4096,  /* values of an image: their covariance is held in memory */
    FILTER_KEPT_BYTES = 256 << 20 /* of a class's values; those beyond are computed twice */
};

typedef struct filter_job filter_job;

/* The images of one class, and what was found among them. */
typedef struct filter_class {
    size_t number;
    size_t begin, count;     /* its images are job->order[begin ... begin + count) */
    double variance;         /* of the values: the sum over all directions; 0: all are equal */
    const double *values;    /* [directions]: the variance along each, the largest first */
    const double *positions; /* [count, directions], while the method judges */
    size_t suspects;
    bool flagged;          /* whether the class is told of by --exit-code */
    double figures[4];     /* the method's own */
    size_t poisoned, hits; /* in truth; poisoned images among the suspects */
    bool has_auroc;
    td_auroc auroc; /* of the scores, poisoned images being the positive class */
} filter_class;

/* A way of judging. */
typedef struct filter {
    /* How many directions it takes of the class, and the least images that a class must have,
     * unless it has none. */
    size_t (*directions)(const filter_job *job);
    size_t (*least_images)(const filter_job *job);
    /* Sets job->suspect[] of the class's images, and `suspects`, `flagged` and figures of `group`.
     * scores[count], where it has any: higher ones are more suspicious. */
    td_status (*judge)(filter_job *job, filter_class *group, double *scores, td_error *error);
    /* Whether it ranks the images of every class by scores, and takes the first of them; else it
     * flags classes. */
    bool ranks;
    const char *figures[4]; /* names of the figures, in the record and as headings */
} filter;

struct filter_job {
    const filter_options *options;
    const void *settings; /* the options of the method */
    const filter *filter;
    td_model model;
    td_dataset data;
    /* features */
    const char *layer; /* as the user or the net calls it */
    td_net part;
    float *part_weights;
    td_exec *exec;
    size_t features;     /* values of an image */
    float *kept, *block; /* [kept_images, features], [MOMENTS_ROWS, features] */
    size_t kept_images;  /* room; a multiple of MOMENTS_ROWS */
    size_t kept_count;   /* images of the class whose values are there, from its first on */
    moments moments;
    double *mean, *covariance, *axes; /* [features], [features, features], [directions, features] */
    size_t directions;
    /* classes */
    uint32_t *order; /* [images]: class by class */
    filter_class *classes;
    bool *suspect, *poisoned; /* [images] */
    size_t suspects;
    bool has_truth;
    tool_progress progress;
    size_t done; /* images */
    tool_record record;
    td_output cleaned;
    td_arena arena;
};

/* Runs a method: its main once the command line is read. `options` is within the method's own,
 * which are `settings`; `told` (stolen) is these as the record tells them. Returns the exit status.
 */
int filter_main(const filter *with, const filter_options *options, const void *settings, json_t *told);

/* For tool_method's `asked`. Takes `told` over. */
json_t *filter_asked(const filter_options *options, json_t *told);

/* Opens and checks the set and the model, sorts the images by class, and notes the files in the
 * record. */
td_status filter_open(filter_job *job, td_error *error) TD_MUST_USE;
void filter_close(filter_job *job);

/* Cuts the net, and makes room. */
td_status filter_features_open(filter_job *job, td_error *error) TD_MUST_USE;

/* Sets mean and axes to the principal directions of the class, and its `variance` and `values`. */
td_status filter_directions(filter_job *job, filter_class *group, td_error *error) TD_MUST_USE;

/* positions[group->count, directions]: the values of each image along the axes, from the mean. */
td_status filter_project(filter_job *job, const filter_class *group, double *positions,
                       td_error *error) TD_MUST_USE;

/* Reads --manifest into job->poisoned. */
td_status filter_truth(filter_job *job, td_error *error) TD_MUST_USE;

/* Puts the result in the record; prints it. */
td_status filter_record(filter_job *job, td_error *error) TD_MUST_USE;
void filter_print(const filter_job *job);

/* Writes the set without the suspects to -o. */
td_status filter_write_cleaned(filter_job *job, td_error *error) TD_MUST_USE;

#endif
