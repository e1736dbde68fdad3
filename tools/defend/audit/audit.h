/* SPDX-License-Identifier: MIT */
/* One audit of a model and its parts: the data and the model (audit_inputs.c), the methods as steps
 * (audit_steps.c), what they found in words (audit_evidence.c), what was not looked at
 * (audit_limits.c), the error rates of --controls (audit_rates.c), the rules (verdict.h), and the
 * verdict as tables and in words (audit_report.c).
 *
 * With controls (trapdoor-defend controls) the screening decides, whose error rate is known, and
 * what the inspectors say is a hint. Every inspector of the tool takes part, every detector where
 * suspects are given, and every filter where the training set is: audit_steps.c has rows only for
 * what is peculiar to some. */
#ifndef TOOLS_DEFEND_AUDIT_AUDIT_H
#define TOOLS_DEFEND_AUDIT_AUDIT_H

#include "defend/audit/screen.h"
#include "defend/audit/step.h"
#include "defend/audit/verdict.h"
#include "defend/inputs.h"
#include "defend/inspect/findings.h"

enum {
    AUDIT_FEW_CLEAN = 500, /* with fewer clean images the audit says so */
    AUDIT_CLASS_SIZE = 96,
    AUDIT_FINDING_SIZE = 1024,
};

typedef struct audit_settings {
    defend_model model;
    const char *clean, *training;
    td_many suspects, controls;
    double minutes, effort; /* effort: of the inspectors' usual steps, in (0, 1] */
    bool known, slow;       /* known: the controls' recipe is the model's */
    bool exit_code;
} audit_settings;

typedef struct audit_job audit_job;
typedef struct audit_step audit_step;

/* What the methods of a family have in common. */
typedef struct audit_kind {
    const char *family;
    verdict_source source;
    verdict_weight weight;
    double share; /* of the time, beside the others' */
    /* Gives the step's method its data; sets `applies` to whether there are such. */
    td_status (*set)(audit_job *job, audit_step *s, td_error *error);
    /* Adds what a step that is done found to the evidence, and to its `found`. */
    td_status (*report)(audit_job *job, audit_step *s, td_error *error);
} audit_kind;

/* What is peculiar to a method. */
typedef struct audit_row {
    const char *method;
    double share;        /* 0: its family's */
    bool weak;           /* of a detector: it flags inputs for other reasons as well */
    const char *flagged; /* what inputs do that a detector flags; NULL: "are flagged" */
    td_status (*set)(audit_job *job, audit_step *s, td_error *error);
    /* Of an inspector whose statistic is the size of a change to the image; NULL: of another. A
     * class that stands out is "IMAGES class 3 CHANGE 9 of their 784 UNIT (RATED_BEFORE 99 %
     * RATED_BEHIND)". */
    const char *unit;
    bool by_channel; /* whether a pixel counts once in each channel */
    const char *images, *change, *rated_before, *rated_behind;
} audit_row;

struct audit_step {
    const tool_method *method;
    const audit_kind *kind;
    const audit_row *row;
    double share;
    bool applies;      /* whether its data were given */
    const char *lacks; /* what was not given, where it does not apply; NULL: "no data given" */
    step step;
    double given; /* seconds that it had, at most */
    verdict_finding found;
    struct {
        bool known, same; /* same: measured with the same options, but for the data */
        td_rate false_positives, detected; /* no trials: unknown */
    } rates;                               /* of an inspector, by --controls */
};

/* A row of the evidence. */
typedef struct audit_evidence {
    const audit_job *job;
    const audit_step *step;
    char text[AUDIT_FINDING_SIZE];
    const char *method, *title, *finding, *weight, *record;
    bool flagged;
    size_t class; /* TOOL_NO_COUNT: it is about none */
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
    const char *reordered;   /* how the clean images' classes must be put in order for the model,
                                where they are not and that would do; NULL: not so */
    const char *sample;      /* DIR/clean.safetensors, from which methods take clean images */
    size_t sample_count;     /* of its images, in an order that was drawn */
    const char *calibration; /* the controls, or NULL */
    bool shipped;            /* they come with the program */
    audit_step *steps;       /* in the order in which they run */
    size_t step_count;
    conclusion conclusion;
    audit_evidence *evidence, **evidence_end; /* a list; where its next row goes */
    json_t *limits;                           /* array of sentences; owned by the record */
    json_t *pictures;                         /* array; owned by the record */
    double deadline, began;                   /* of all; the step that runs; monotonic seconds */
};

/* Opens the model and all data, checks that they fit, and notes them in the record; says where the
 * clean images that methods work with will stand, and how many they are. TD_ERR_USAGE
 * for a model of one class and for too few clean images. */
td_status audit_open(audit_job *job, td_error *error) TD_MUST_USE;

/* Sets accuracy and chance. */
td_status audit_measure(audit_job *job, td_error *error) TD_MUST_USE;

/* Draws the clean images that methods work with, and writes them to `sample` unless the same ones
 * are there. */
td_status audit_draw_sample(audit_job *job, td_error *error) TD_MUST_USE;

/* Makes the steps, and looks which are done. On failure, too, the caller closes them. */
td_status audit_plan(audit_job *job, td_error *error) TD_MUST_USE;

/* What the screening found; NULL where there were no controls, or it is not done. */
const screened *audit_screened(const audit_job *job);

/* What an inspector found; NULL for another method, and for a step that is not done. */
const findings *audit_findings(const audit_step *s);

/* Whether an inspector's time was up before it had looked at all classes. */
bool audit_is_cut(const audit_step *s);

/* Runs those that are not done, within the time. A step that fails is no failure of the audit. */
td_status audit_run_steps(audit_job *job, td_error *error) TD_MUST_USE;

/* Looks for the record of controls among --controls, or else among those that come with the
 * program, before the plan. TD_ERR_USAGE for two. */
td_status audit_find_controls(audit_job *job, td_error *error) TD_MUST_USE;

/* Reads the others: sets the rates of inspectors. */
td_status audit_read_rates(audit_job *job, td_error *error) TD_MUST_USE;

/* What the methods of a family found, as evidence. */
td_status audit_report_inspector(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;
td_status audit_report_screen(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;
td_status audit_report_detector(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;
td_status audit_report_filter(audit_job *job, audit_step *s, td_error *error) TD_MUST_USE;

/* Lists the evidence of all steps that are done. */
td_status audit_list_evidence(audit_job *job, td_error *error) TD_MUST_USE;

/* Lists what was not looked at, or cannot be seen. Call it after the conclusion. */
td_status audit_list_limits(audit_job *job, td_error *error) TD_MUST_USE;

/* "class 7 (Sneaker)". Returns `text`. */
const char *audit_class(const audit_job *job, size_t class, char text[AUDIT_CLASS_SIZE]);

/* Adds all tables, and writes all of it in words: to DIR/audit.txt, and for the terminal. */
td_status audit_report(audit_job *job, td_error *error) TD_MUST_USE;

extern const char audit_record_name[], audit_text_name[]; /* "audit.json", "audit.txt" */

#endif
