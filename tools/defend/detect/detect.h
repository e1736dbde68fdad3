/* SPDX-License-Identifier: MIT */
/* Detectors of inputs. A detector scores images and sets the thresholds; the framework reads the
 * sets (inputs.c; hygiene.h lists what they may share), scores them (scores.c), evaluates the
 * scores (judge.c), and fills the tables (report.c) and the picture (picture.c). calibrate.c has
 * the common calibrations. query.c obtains classes from a model, or from a file with the answers of
 * a model that can only be queried. A new detector is one file with one struct detector and one
 * tool_method, and a row in methods.c. */
#ifndef TOOLS_DEFEND_DETECT_DETECT_H
#define TOOLS_DEFEND_DETECT_DETECT_H

#include "defend/inputs.h"
#include "measure/flags.h"
#include "measure/roc.h"
#include "model/model.h"
#include "nn/exec.h"
#include "trigger/trigger.h"

enum {
    DETECT_MOST_SETS = 64, /* most sets to evaluate, including stamped ones */
    DETECT_BATCH = 128,    /* batch size of the net */
    DETECT_SLICE = 512,    /* images stamped or gathered at a time */
    DETECT_COLUMNS = 17,   /* most scores per image */
    DETECT_RATES = 4,      /* rates in the table of errors */
    DETECT_BARS = 40,      /* of a histogram */
    DETECT_SCRATCH = 4,    /* scratch for a query, in multiples of an image of floats */
};

/* The inputs of every detector. */
typedef struct detect_settings {
    defend_model model;
    const char *clean;
    td_many benign, suspects, triggers;
    const char *picture;          /* or NULL */
    const char *logits, *queries; /* instead of a model, for query_detectors: the file with its
                                     answers; the file to which to write the queries; or NULL */
    bool exit_code;
} detect_settings;

/* The settings of every detector begin with these. */
typedef struct detect_own {
    double fpr; /* the share of benign inputs that may be flagged, in (0, 1) */
} detect_own;

/* The row for it, with the detector's default. */
#define DETECT_FPR(default_text)                                                                   \
    {                                                                                              \
        .name = "fpr", .kind = TD_KEY_REAL, .offset = offsetof(detect_own, fpr), .most = 1,        \
        .above = true, .below = true, .standard = default_text, .value = "R",                      \
        .help = "The share of benign inputs that may be flagged"                                   \
    }

extern const tool_family detectors;
extern const tool_family query_detectors; /* they need only classes */
extern const tool_family image_detectors; /* they need no model */

typedef struct detect_job detect_job;
typedef struct detect_set detect_set;

/* One of the scores of an image; the last one decides. */
typedef struct detect_column {
    const char *name;
    double boundary;  /* scores of at least this are flagged */
    double threshold; /* the same as reported: sign × score */
} detect_column;

/* The queries of a detector: images derived from each input, for a model to classify. */
typedef struct detect_queries {
    size_t count; /* per input; the first is the input itself */
    /* Writes query 1 to count - 1 of an image to `out`, of the same size. `number` determines its
     * draws. `scratch`: DETECT_SCRATCH times its size. Called in parallel. */
    void (*make)(const detect_job *job, const uint8_t *image, uint32_t number, size_t query,
                 uint8_t *out, float *scratch);
    /* The score computed from the classes of the queries, answers[count]. */
    double (*score)(const detect_job *job, const int32_t *answers);
} detect_queries;

/* A method for scoring images. Higher scores are more suspicious. */
typedef struct detector {
    const char *score_name;     /* "entropy (bits)" */
    double sign;                /* scores are reported as sign × score */
    double rates[DETECT_RATES]; /* for the table of errors */
    /* Sets the job's columns and state, and may remove images from the calibration set. */
    td_status (*prepare)(detect_job *job, td_error *error);
    void (*close)(
        detect_job *job); /* frees what is not in an arena; state may be NULL; may be NULL */
    /* The scores of at most DETECT_SLICE images: scores[column * stride + image]. numbers[]
     * determine the images' draws. Calls detect_advance. */
    td_status (*score)(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error);
    const detect_queries *queries; /* of query_detectors, whose `score` is detect_query_score */
    /* Called once all images of a set are scored, the calibration set first: may change the scores.
     * May be NULL. */
    td_status (*finish)(detect_job *job, detect_set *set, td_error *error);
    /* Sets boundary and threshold so that about the share `rate` of images like the calibration
     * images is flagged. May reorder scores, those of the calibration images; count > 0. */
    void (*calibrate)(double *scores, size_t count, double rate, detect_column *column);
    /* Adds the method's own fields to `calibration` in the record; may be NULL. */
    void (*describe)(const detect_job *job, json_t *calibration);
} detector;

typedef enum detect_kind { DETECT_CALIBRATION, DETECT_BENIGN, DETECT_SUSPECT } detect_kind;

enum { DETECT_KINDS = DETECT_SUSPECT + 1 };

/* Images to score: those of a data set, stamped or not. */
struct detect_set {
    detect_kind kind;
    const td_dataset *data;
    td_trigger *trigger; /* or NULL; bound; owned by the job */
    uint32_t *numbers;   /* which images of the data; NULL: all, in order */
    size_t count;        /* of images */
    double *scores;      /* [columns, count] */
    int32_t *classes;    /* [count]: the model's classes, for query_detectors; else NULL */
};

/* One run. A detector finds everything here: the model, the calibration set, its settings. */
struct detect_job {
    tool_run *run;
    const detect_settings *settings;
    const detector *detector;
    double fpr;
    td_model model;
    td_exec *exec; /* forward, for DETECT_BATCH images */
    td_dataset clean, data[DETECT_MOST_SETS];
    size_t data_count;
    detect_set sets[1 + DETECT_MOST_SETS]; /* the first is the clean images for calibration */
    size_t set_count;
    size_t left_out; /* clean images left out because sets to evaluate contain them */
    detect_column columns[DETECT_COLUMNS];
    size_t column_count;
    void *state; /* the detector's */
    size_t done; /* images scored */
    detect_set
        *scored; /* the set that `score` works on, and the index of its first image; or NULL */
    size_t scored_first;
    struct detect_asking *asking; /* of query_detectors: query.c's */
};

/* Opens the model and the sets of the job, checks them, and records them. A set to evaluate that
 * overlaps with the clean images is TD_ERR_USAGE, except for stray images (at most 1 in 100), which
 * are left out of the calibration. */
td_status detect_open_inputs(detect_job *job, td_error *error) TD_MUST_USE;
void detect_close_inputs(detect_job *job);

/* Images first ... first + count of a set, contiguous, stamped if the set has a trigger; in
 * `arena`, or a view. */
td_status detect_cut(const detect_job *job, const detect_set *set, size_t first, size_t count,
                     td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

/* The numbers that determine these images' draws: numbers[count]. */
void detect_numbers(const detect_set *set, size_t first, size_t count, uint32_t *numbers);

/* --- calibration (calibrate.c) --- */

/* TD_ERR_USAGE if there are too few calibration images for --fpr of them to be at least one. */
td_status detect_check_count(const detect_job *job, td_error *error) TD_MUST_USE;

/* Takes half of the calibration images, drawn by the seed, for another purpose: their numbers
 * within the clean set. */
td_status detect_take_half(detect_job *job, uint32_t **numbers, size_t *count,
                           td_error *error) TD_MUST_USE;

/* A `calibrate`: the threshold is the value that at most the share `rate` of the scores exceeds. */
void detect_calibrate_above(double *scores, size_t count, double rate, detect_column *column);

/* --- queries (query.c) --- */

/* Prepares for queries; with --logits reads the answers. Call it after `prepare`. */
td_status detect_query_open(detect_job *job, td_error *error) TD_MUST_USE;

/* A `score`. */
td_status detect_query_score(detect_job *job, const td_images *images, const uint32_t *numbers,
                             size_t stride, double *scores, td_error *error) TD_MUST_USE;

/* Writes the queries of all images to --queries, a data set: calibration, benign, suspect, stamped
 * images; each image's queries together. */
td_status detect_query_write(detect_job *job, td_error *error) TD_MUST_USE;

/* The evaluated model for messages: its path, or the file with its answers. */
const char *detect_subject(const detect_job *job);

/* The scores of all sets. */
td_status detect_score_all(detect_job *job, td_error *error) TD_MUST_USE;

/* Advances the progress by `images`; TD_ERR_INTERRUPTED to stop. */
td_status detect_advance(detect_job *job, size_t images, td_error *error) TD_MUST_USE;

/* The scores of a column over all sets of one kind, in one array. */
typedef struct detect_scores {
    double *values;
    size_t count;
} detect_scores;

/* The result for an evaluated set: a row of the record's "files". */
typedef struct detect_row {
    const char *kind, *data, *trigger;
    size_t images;
    td_rate flagged;
    signed char above; /* for suspects: whether they are flagged significantly above the expected
                          rate; -1: benign */
    double mean;       /* of the scores as reported */
    td_f1 f1; /* of suspects against all benign images; NaN for benign sets or without any */
} detect_row;

/* A row of the table of errors. */
typedef struct detect_error_row {
    double expected, threshold;
    td_detection seen; /* no trials without such sets */
} detect_error_row;

typedef struct detect_bar {
    double from, to;
    size_t counts[DETECT_KINDS];
} detect_bar;

/* The evaluation of a column of scores. */
typedef struct detect_verdict {
    const char *name;
    double threshold;
    tool_estimate auroc; /* NaN without benign or without suspect sets */
    detect_scores scores[DETECT_KINDS];
    detect_row rows[DETECT_MOST_SETS]; /* of all sets except the first */
    detect_error_row errors[DETECT_RATES];
    detect_bar bars[DETECT_BARS]; /* of the scores as they are reported */
} detect_verdict;

/* Sets the column's boundary and evaluates it. The verdict's arrays are in `arena`. */
td_status detect_judge(detect_job *job, size_t column, td_arena *arena, detect_verdict *verdict,
                       td_error *error) TD_MUST_USE;

/* Evaluates all columns and fills the run's tables; *verdict is the last column's. */
td_status detect_report(detect_job *job, detect_verdict *verdict, td_error *error) TD_MUST_USE;

/* Draws the histograms into --picture. */
td_status detect_draw(detect_job *job, const detect_verdict *verdict, td_error *error) TD_MUST_USE;

/* A detector's result, read from its record. */
typedef struct detect_outcome_set {
    const char *data; /* as given */
    bool suspect;     /* otherwise benign */
    td_rate flagged;
    bool above; /* for suspects: flagged significantly above the expected rate */
} detect_outcome_set;

typedef struct detect_outcome {
    detect_outcome_set *sets; /* in the order given, benign ones first */
    size_t count;
} detect_outcome;

/* The family's read: *outcome is a detect_outcome. */
td_status detect_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) TD_MUST_USE;

#endif
