/* SPDX-License-Identifier: MIT */
/* Detectors of inputs: a detector scores images and says what scores flag; the frame around it
 * reads the sets (inputs.c; hygiene.h says what they may share), scores them (scores.c), judges
 * (judge.c), and fills the tables (report.c) and the picture (picture.c). What several detectors
 * need to calibrate is in calibrate.c; query.c asks a model for classes, or a file with the answers
 * of a model that can only be queried. A new detector is one file with one struct detector and one
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
    DETECT_MOST_SETS = 64, /* sets to judge, stamped ones included */
    DETECT_BATCH = 128,    /* images that the net takes at once */
    DETECT_SLICE = 512,    /* images that are stamped or gathered at once */
    DETECT_COLUMNS = 17,   /* scores of an image, at most */
    DETECT_RATES = 4,      /* rates in the table of errors */
    DETECT_BARS = 40,      /* of a histogram */
    DETECT_SCRATCH = 4,    /* images of floats that a query may be made in */
};

/* What every detector is asked to do. */
typedef struct detect_settings {
    defend_model model;
    const char *clean;
    td_many benign, suspects, triggers;
    const char *picture;          /* or NULL */
    const char *logits, *queries; /* in place of a model, of query_detectors: the file of its
                                     answers; the file to write what it is to be asked; or NULL */
    bool exit_code;
} detect_settings;

/* The settings of a detector begin with these. */
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
extern const tool_family query_detectors; /* they need no more than classes */
extern const tool_family image_detectors; /* they need no model */

typedef struct detect_job detect_job;
typedef struct detect_set detect_set;

/* One of the scores of an image; the last is the one that judges. */
typedef struct detect_column {
    const char *name;
    double boundary;  /* what scores at least this is flagged */
    double threshold; /* the same as it is reported: sign × score */
} detect_column;

/* What a detector asks a model for classes of: images made of each input. */
typedef struct detect_queries {
    size_t count; /* of each input; the first is the input itself */
    /* Query number 1 to count - 1 of an image, to `out`, of its size. `number`: what its draws
     * depend on. `scratch`: DETECT_SCRATCH times its size. Called in parallel. */
    void (*make)(const detect_job *job, const uint8_t *image, uint32_t number, size_t query,
                 uint8_t *out, float *scratch);
    /* The score by the classes of the queries, answers[count]. */
    double (*score)(const detect_job *job, const int32_t *answers);
} detect_queries;

/* A way of scoring images. Higher scores are more suspicious. */
typedef struct detector {
    const char *score_name;     /* "entropy (bits)" */
    double sign;                /* what is reported is sign × score */
    double rates[DETECT_RATES]; /* for the table of errors */
    /* Sets the job's columns and state, and may take images away from those that calibrate. */
    td_status (*prepare)(detect_job *job, td_error *error);
    void (*close)(detect_job *job); /* frees what is no arena's; state may be NULL; may be NULL */
    /* The scores of at most DETECT_SLICE images: scores[column * stride + image]. numbers[]: what
     * an image's draws depend on. Calls detect_advance. */
    td_status (*score)(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error);
    const detect_queries *queries; /* of query_detectors, whose `score` is detect_query_score */
    /* Once all images of a set are scored, those that calibrate first: may change the scores. May
     * be NULL. */
    td_status (*finish)(detect_job *job, detect_set *set, td_error *error);
    /* Sets boundary and threshold so that about the share `rate` of images like those that
     * calibrate is flagged. Scores, of these, may be reordered; count > 0. */
    void (*calibrate)(double *scores, size_t count, double rate, detect_column *column);
    /* Adds what is particular to the method to `calibration` in the record; may be NULL. */
    void (*describe)(const detect_job *job, json_t *calibration);
} detector;

typedef enum detect_kind { DETECT_CALIBRATION, DETECT_BENIGN, DETECT_SUSPECT } detect_kind;

enum { DETECT_KINDS = DETECT_SUSPECT + 1 };

/* Images that are scored: those of a data set, as they are or stamped. */
struct detect_set {
    detect_kind kind;
    const td_dataset *data;
    td_trigger *trigger; /* or NULL; bound; owned by the job */
    uint32_t *numbers;   /* which images of the data; NULL: all, in their order */
    size_t count;        /* of images */
    double *scores;      /* [columns, count] */
    int32_t *classes;    /* [count]: the model's, of query_detectors; else NULL */
};

/* One run. A detector reads what it needs here: the model, what calibrates, its settings. */
struct detect_job {
    tool_run *run;
    const detect_settings *settings;
    const detector *detector;
    double fpr;
    td_model model;
    td_exec *exec; /* forward, of DETECT_BATCH images */
    td_dataset clean, data[DETECT_MOST_SETS];
    size_t data_count;
    detect_set sets[1 + DETECT_MOST_SETS]; /* the first is the clean images that calibrate */
    size_t set_count;
    size_t left_out; /* of the clean images, as sets to judge have them as well */
    detect_column columns[DETECT_COLUMNS];
    size_t column_count;
    void *state;        /* the detector's */
    size_t done;        /* images scored */
    detect_set *scored; /* the set whose images `score` is given, and the first of these; or NULL */
    size_t scored_first;
    struct detect_asking *asking; /* of query_detectors: query.c's */
};

/* Opens the model and the sets, in the job, checks them, and notes them in the record. Sets to
 * judge that overlap with the clean images are TD_ERR_USAGE; a stray image (at most 1 in 100) that
 * a set has as well does not calibrate. */
td_status detect_open_inputs(detect_job *job, td_error *error) TD_MUST_USE;
void detect_close_inputs(detect_job *job);

/* Images first ... first + count of a set, one behind the other, stamped where it has a trigger; in
 * `arena`, or a view. */
td_status detect_cut(const detect_job *job, const detect_set *set, size_t first, size_t count,
                     td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

/* What the draws of these images depend on: numbers[count]. */
void detect_numbers(const detect_set *set, size_t first, size_t count, uint32_t *numbers);

/* --- calibration (calibrate.c) --- */

/* TD_ERR_USAGE unless there are so many images that calibrate that --fpr of them is one. */
td_status detect_check_count(const detect_job *job, td_error *error) TD_MUST_USE;

/* Takes half of the images that calibrate, drawn by the seed, for something else: their numbers
 * within the clean set. */
td_status detect_take_half(detect_job *job, uint32_t **numbers, size_t *count,
                           td_error *error) TD_MUST_USE;

/* A `calibrate`: what at most the share `rate` of the scores exceeds is the threshold. */
void detect_calibrate_above(double *scores, size_t count, double rate, detect_column *column);

/* --- queries (query.c) --- */

/* Makes room to ask; with --logits reads the answers. After `prepare`. */
td_status detect_query_open(detect_job *job, td_error *error) TD_MUST_USE;

/* A `score`. */
td_status detect_query_score(detect_job *job, const td_images *images, const uint32_t *numbers,
                             size_t stride, double *scores, td_error *error) TD_MUST_USE;

/* Writes the queries of all images to --queries, a data set: those that calibrate, benign ones,
 * suspects, stamped ones, each image's queries one behind the other. */
td_status detect_query_write(detect_job *job, td_error *error) TD_MUST_USE;

/* What is judged, in words: the model's path, or the file with its answers. */
const char *detect_subject(const detect_job *job);

/* The scores of all sets. */
td_status detect_score_all(detect_job *job, td_error *error) TD_MUST_USE;

/* Shows the progress of `images` more; TD_ERR_INTERRUPTED if it is to stop. */
td_status detect_advance(detect_job *job, size_t images, td_error *error) TD_MUST_USE;

/* The scores of a column over all sets of one kind, in one array. */
typedef struct detect_scores {
    double *values;
    size_t count;
} detect_scores;

/* What is said of a set that is judged: a row of the record's "files". */
typedef struct detect_row {
    const char *kind, *data, *trigger;
    size_t images;
    td_rate flagged;
    signed char above; /* of suspects: whether they are flagged above the expected rate, beyond
                          chance; -1: benign */
    double mean;       /* of the scores, as they are reported */
    td_f1 f1;          /* of suspects among all benign images; NaN: benign, or there are none */
} detect_row;

/* A row of the table of errors. */
typedef struct detect_error_row {
    double expected, threshold;
    td_detection seen; /* no trials where no such set is judged */
} detect_error_row;

typedef struct detect_bar {
    double from, to;
    size_t counts[DETECT_KINDS];
} detect_bar;

/* What a column of scores says. */
typedef struct detect_verdict {
    const char *name;
    double threshold;
    tool_estimate auroc; /* NaN without benign or without suspect sets */
    detect_scores scores[DETECT_KINDS];
    detect_row rows[DETECT_MOST_SETS]; /* of the sets but for the first */
    detect_error_row errors[DETECT_RATES];
    detect_bar bars[DETECT_BARS]; /* of the scores as they are reported */
} detect_verdict;

/* Sets the column's boundary and judges by it. The verdict's arrays are in `arena`. */
td_status detect_judge(detect_job *job, size_t column, td_arena *arena, detect_verdict *verdict,
                       td_error *error) TD_MUST_USE;

/* Judges by all columns and fills the run's tables; *verdict is the last column's. */
td_status detect_report(detect_job *job, detect_verdict *verdict, td_error *error) TD_MUST_USE;

/* Draws the histograms into --picture. */
td_status detect_draw(detect_job *job, const detect_verdict *verdict, td_error *error) TD_MUST_USE;

/* What a detector found, as its record says. */
typedef struct detect_outcome_set {
    const char *data; /* as it was given */
    bool suspect;     /* else benign */
    td_rate flagged;
    bool above; /* of suspects: flagged above the expected rate, beyond chance */
} detect_outcome_set;

typedef struct detect_outcome {
    detect_outcome_set *sets; /* in the order in which they were given, benign ones first */
    size_t count;
} detect_outcome;

/* The family's read: *outcome is a detect_outcome. */
td_status detect_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) TD_MUST_USE;

#endif
