/* SPDX-License-Identifier: MIT */
/* One audit of a model and its parts: the data and the model (audit_inputs.c), the methods as steps
 * (audit_steps.c), their findings in words (audit_evidence.c), limits of the audit
 * (audit_limits.c), the error rates from --controls (audit_rates.c), the rules (verdict.h), and the
 * verdict as tables and text (audit_report.c).
 *
 * With controls (trapdoor-defend controls) the screening decides, since its error rate is known,
 * and inspectors only give hints. Every inspector of the tool runs, every detector if suspects are
 * given, and every filter if the training set is; audit_steps.c has rows only for exceptions. */
#ifndef TOOLS_DEFEND_AUDIT_AUDIT_H
#define TOOLS_DEFEND_AUDIT_AUDIT_H

#include "defend/audit/screen.h"
#include "defend/audit/step.h"
#include "defend/audit/verdict.h"
#include "defend/inputs.h"
#include "defend/inspect/findings.h"

enum {
    AUDIT_FEW_CLEAN = 500, /* with fewer clean images the audit prints a limit */
    AUDIT_CLASS_SIZE = 96,
    AUDIT_FINDING_SIZE = 1024,
};

typedef struct audit_settings {
    defend_model model;
    const char *clean, *training;
    td_many suspects, controls;
    double minutes, effort; /* effort: the fraction of the inspectors' default steps, in (0, 1] */
    bool known, slow;       /* known: the model was trained by the controls' recipe */
    bool exit_code;
} audit_settings;

typedef struct audit_job audit_job;
typedef struct audit_step audit_step;

/* Properties of a family of methods. */
typedef struct audit_kind {
    const char *family;
    verdict_source source;
    verdict_weight weight;
    double share; /* of the time, relative to others */
    /* Gives the step's method its data; sets `applies` to whether there is any. */
    td_status (*set)(audit_job *job, audit_step *s, td_error *error);
    /* Adds the findings of a finished step to the evidence, and to its `found`. */
    td_status (*report)(audit_job *job, audit_step *s, td_error *error);
} audit_kind;

/* Properties of a method that differ from its family's. */
typedef struct audit_row {
    const char *method;
    double share;        /* 0: as its family */
    bool weak;           /* of a detector that also flags inputs for other reasons */
    const char *flagged; /* for a detector's message about flagged inputs; NULL: "are flagged" */
    td_status (*set)(audit_job *job, audit_step *s, td_error *error);
    /* For an inspector whose statistic is the size of a change to the image; NULL otherwise. The
     * text for an outlier class is "IMAGES class 3 CHANGE 9 of their 784 UNIT (RATED_BEFORE 99 %
     * RATED_BEHIND)". */
    const char *unit;
    bool by_channel; /* a pixel counts once per channel */
    const char *images, *change, *rated_before, *rated_behind;
} audit_row;

struct audit_step {
    const tool_method *method;
    const audit_kind *kind;
    const audit_row *row;
    double share;
    bool applies;      /* whether its data were given */
    const char *lacks; /* if it does not apply: the missing data; NULL: "no data given" */
    step step;
    double given; /* time limit in seconds */
    verdict_finding found;
    struct {
        bool known, same; /* same: measured with the same options, except the data */
        td_rate false_positives, detected; /* no trials: unknown */
    } rates;                               /* of an inspector, from --controls */
};

/* A row of the evidence. */
typedef struct audit_evidence {
    const audit_job *job;
    const audit_step *step;
    char text[AUDIT_FINDING_SIZE];
    const char *method, *title, *finding, *weight, *record;
    bool flagged;
    size_t class; /* TOOL_NO_COUNT: no particular class */
    const char *class_name, *picture, *data;
    double value, index, p;
    double other; /* the most suspicious value that is not flagged; NAN: none */
    td_rate asr, share;
    tool_list classes;
    struct audit_evidence *next;
} audit_evidence;

struct audit_job {
    tool_run *run;
    const audit_settings *settings;
    steps all;
    td_dataset clean;
    td_model model;
    td_rate accuracy;
    double chance;
    const char *reordered; /* how to reorder the classes of the clean images to match the model, if
                              that is needed and sufficient; else NULL */
    const char *sample;    /* DIR/clean.safetensors, the methods' clean images */
    size_t sample_count;   /* number of its images, drawn in random order */
    const char *calibration; /* the controls, or NULL */
    bool shipped;            /* they ship with the program */
    audit_step *steps;       /* in execution order */
    size_t step_count;
    conclusion conclusion;
    audit_evidence *evidence, **evidence_end; /* a list, and the position of its next row */
    json_t *limits;                           /* array of sentences; owned by the record */
    json_t *pictures;                         /* array; owned by the record */
    double deadline, began; /* of the audit; the running step; monotonic seconds */
};

/* Opens the model and all data, checks that they match, and records them; sets the path and the
 * number of the clean images for the methods. TD_ERR_USAGE
 * for a model with one class and for too few clean images. */
td_status audit_open(audit_job *job, td_error *error) TD_MUST_USE;

/* Sets accuracy and chance. */
td_status audit_measure(audit_job *job, td_error *error) TD_MUST_USE;

/* Draws the clean images for the methods, and writes them to `sample` unless the file already has
 * them. */
td_status audit_draw_sample(audit_job *job, td_error *error) TD_MUST_USE;

/* Creates the steps, and checks which are done. The caller closes them, on failure too. */
td_status audit_plan(audit_job *job, td_error *error) TD_MUST_USE;

/* The result of the screening; NULL without controls, or if it is not done. */
const screened *audit_screened(const audit_job *job);

/* The result of an inspector; NULL for another method, and for a step that is not done. */
const findings *audit_findings(const audit_step *s);

/* Whether an inspector ran out of time before it had examined all classes. */
bool audit_is_cut(const audit_step *s);

/* Runs the steps that are not done, within the time limit. The failure of a step is not a failure
 * of the audit. */
td_status audit_run_steps(audit_job *job, td_error *error) TD_MUST_USE;

/* Finds the record of controls among --controls, or else among those that ship with the program,
 * before planning. TD_ERR_USAGE for two. */
td_status audit_find_controls(audit_job *job, td_error *error) TD_MUST_USE;

/* Reads the other records: sets the error rates of inspectors. */
td_status audit_read_rates(audit_job *job, td_error *error) TD_MUST_USE;

/* Adds the findings of a family's methods to the evidence. */
td_status audit_report_inspector(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;
td_status audit_report_screen(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;
td_status audit_report_detector(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;
td_status audit_report_filter(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;

/* Lists the evidence of all finished steps. */
td_status audit_list_evidence(audit_job *job, td_error *error) TD_MUST_USE;

/* Lists what was not examined or cannot be detected. Call it after the conclusion. */
td_status audit_list_limits(audit_job *job, td_error *error) TD_MUST_USE;

/* "class 7 (Sneaker)". Returns `text`. */
const char *audit_class(const audit_job *job, size_t class, char text[AUDIT_CLASS_SIZE]);

/* Adds all tables, and writes the report: to DIR/audit.txt, and for the terminal. */
td_status audit_report(audit_job *job, td_error *error) TD_MUST_USE;

extern const char audit_record_name[], audit_text_name[]; /* "audit.json", "audit.txt" */

#endif
