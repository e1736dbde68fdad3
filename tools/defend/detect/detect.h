/* One run of a detector of inputs, and its parts: the sets (inputs.c; hygiene.h says what they may
 * share), their scores (scores.c), what follows from these (judge.c), how that is told
 * (report.c) and drawn (picture.c). */
#ifndef TOOLS_DEFEND_DETECT_DETECT_H
#define TOOLS_DEFEND_DETECT_DETECT_H

#include "base/file.h"
#include "frame/progress.h"
#include "frame/record.h"
#include "defend/detect/detect_options.h"
#include "measure/roc.h"
#include "nn/exec.h"
#include "nn/model.h"
#include "trigger/trigger.h"

enum {
    DETECT_BATCH = 128,   /* images that the net takes at once */
    DETECT_SLICE = 512,   /* images that are stamped or gathered at once */
    DETECT_COLUMNS = 17,  /* scores of an image, at most */
    DETECT_RATES = 4,     /* rates in the table of errors */
    DETECT_BARS = 40,     /* of a histogram */
    DETECT_NAME_SIZE = 32 /* of a column's name */
};

typedef struct detect_job detect_job;

/* One of the scores of an image; the last is the one that judges. */
typedef struct detect_column {
    char name[DETECT_NAME_SIZE];
    double boundary;  /* what scores at least this is flagged */
    double threshold; /* the same as it is told */
} detect_column;

/* A way of scoring images. Higher scores are more suspicious. */
typedef struct detector {
    const char *name, *score_name; /* "strip"; "entropy in bits" */
    double sign;                   /* what is told is sign × score */
    double rates[DETECT_RATES];    /* for the table of errors */
    /* Sets the job's columns and state, and may take images away from those that calibrate. */
    td_status (*prepare)(detect_job *job, td_error *error);
    /* The scores of at most DETECT_SLICE images: scores[column * stride + image]. numbers[]: what
     * an image's draws depend on. Calls detect_advance. */
    td_status (*score)(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error);
    /* Sets boundary and threshold so that about the share `rate` of images like those that
     * calibrate is flagged. Scores, of these, may be reordered; count > 0. */
    void (*calibrate)(double *scores, size_t count, double rate, detect_column *column);
    /* Adds what is particular to the method to `calibration` in the record; may be NULL. */
    void (*describe)(const detect_job *job, json_t *calibration);
} detector;

/* Images to judge: those of a data set, as they are or stamped. */
typedef struct detect_set {
    const td_dataset *data;
    td_trigger *trigger; /* or NULL; bound; owned by the job */
    bool suspect;
    double *scores; /* [columns, images] */
} detect_set;

struct detect_job {
    const detect_options *options;
    const void *settings; /* the detector's own options */
    const detector *detector;
    td_model model;
    td_exec *exec;
    td_dataset clean, data[DETECT_MOST_SETS];
    size_t data_count;
    detect_set sets[DETECT_MOST_SETS];
    size_t set_count;
    uint32_t *calibration; /* clean images that calibrate */
    size_t calibration_count, left_out;
    double *calibration_scores; /* [columns, calibration_count] */
    detect_column columns[DETECT_COLUMNS];
    size_t column_count;
    void *state; /* the detector's */
    tool_progress progress;
    size_t done; /* images scored */
    bool suspects_flagged;
    tool_record record;
    td_output picture;
    td_arena arena;
};

/* Runs the detector and returns the exit status. `settings`: its own options; `told`: the same for
 * the record, a reference that it takes over. */
int detect_main(const detector *with, const detect_options *options, const void *settings,
                json_t *told);

/* What was asked, for the record: that and `settings`, the detector's own. NULL when out of memory.
 */
json_t *detect_options_json(const detect_options *o, const json_t *settings);

/* For tool_method's `asked`. Takes `told` over. */
json_t *detect_asked(const detect_options *o, json_t *told);

/* Opens the model and the sets, in the job, checks them, and notes them in the record. */
td_status detect_open_inputs(detect_job *job, td_error *error) TD_MUST_USE;
void detect_close_inputs(detect_job *job);

/* Lists the clean images that calibrate. Sets to judge that overlap with them are TD_ERR_USAGE; a
 * stray image (at most 1 in 100) that a set has as well is left out. */
td_status detect_check_hygiene(detect_job *job, td_error *error) TD_MUST_USE;

/* All scores: those that calibrate, and those of each set. */
td_status detect_score_all(detect_job *job, td_error *error) TD_MUST_USE;

/* Tells the progress of `images` more; TD_ERR_INTERRUPTED if it is to stop. */
td_status detect_advance(detect_job *job, size_t images, td_error *error) TD_MUST_USE;

/* The scores of a column over all sets of one kind, in one array. */
typedef struct detect_scores {
    double *values;
    size_t count;
} detect_scores;

/* What a column of scores says. */
typedef struct detect_verdict {
    const detect_column *column;
    detect_scores calibration, benign, suspects;
    td_rate flagged[DETECT_MOST_SETS]; /* of each set */
    bool above[DETECT_MOST_SETS];      /* suspects flagged above the expected rate, beyond chance */
    bool has_auroc;
    td_auroc auroc;
    detect_column at[DETECT_RATES]; /* the table of errors */
    td_detection errors[DETECT_RATES];
    double low, high;            /* the range of the histograms, as told */
    size_t bars[3][DETECT_BARS]; /* calibration, benign, suspects */
} detect_verdict;

/* Sets the column's boundary and judges by it. The verdict's arrays are in `arena`. */
td_status detect_judge(detect_job *job, size_t column, td_arena *arena, detect_verdict *verdict,
                       td_error *error) TD_MUST_USE;

/* Adds a verdict to a JSON object, and prints it. */
td_status detect_verdict_json(const detect_job *job, const detect_verdict *verdict, json_t *object,
                              td_error *error) TD_MUST_USE;
void detect_print(const detect_job *job, const detect_verdict *verdict);
/* The same in one line. */
void detect_print_line(const detect_job *job, const detect_verdict *verdict);

/* Draws the histograms into --picture. */
td_status detect_draw(detect_job *job, const detect_verdict *verdict, td_error *error) TD_MUST_USE;

#endif
