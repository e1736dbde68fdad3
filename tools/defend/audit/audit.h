/* One audit of a model and its parts: the command line (audit_options.c), the data and the model
 * (audit_inputs.c), the methods that are run as children (audit_steps.c), what their records say in
 * words (audit_evidence.c), what was not looked at (audit_limits.c), the error rates of --controls
 * (audit_rates.c), the rules (verdict.h), and what is told (audit_report.c). */
#ifndef TOOLS_DEFEND_AUDIT_AUDIT_H
#define TOOLS_DEFEND_AUDIT_AUDIT_H

#include "frame/progress.h"
#include "frame/record.h"
#include "defend/audit/inspected.h"
#include "defend/audit/run_folder.h"
#include "defend/audit/step.h"
#include "defend/audit/verdict.h"
#include "nn/model.h"

enum {
    AUDIT_STEPS = 6,
    AUDIT_MOST_SETS = 16,     /* --suspect; --controls */
    AUDIT_LEAST_CLEAN = 50,   /* clean images */
    AUDIT_FEW_CLEAN = 500,    /* with fewer the audit says so */
    AUDIT_MOST_SAMPLED = 2000 /* of them that methods work with */
};

typedef struct audit_options {
    tool_common common;
    const char *model, *net; /* net: the model is a state_dict of it; NULL: it has its own */
    const char *clean, *training;
    const char *suspects[AUDIT_MOST_SETS];
    size_t suspect_count;
    const char *controls[AUDIT_MOST_SETS];
    size_t control_count;
    double minutes, effort; /* effort: of the inspectors' usual steps, in (0, 1] */
    bool exit_code;
} audit_options;

/* Parses the command line; exits with 2 on a wrong one. */
void audit_options_parse(audit_options *options, int argc, char **argv);

/* What was asked, for the record; NULL when out of memory. */
json_t *audit_options_json(const audit_options *options);

typedef enum audit_needs { AUDIT_ALWAYS, AUDIT_SUSPECTS, AUDIT_TRAINING } audit_needs;

struct audit_job;
struct audit_arguments;

/* A row of the table of methods: all that is peculiar to one. */
typedef struct audit_method {
    const tool_method *method;
    const char *title; /* "Neural Cleanse" */
    audit_needs needs;
    sight sight;
    worth worth;
    double weight; /* its share of the time is by this */
    size_t steps;  /* that --effort is a share of; 0: of none */
    /* Adds its data and settings to the command line. */
    void (*add_own)(struct audit_arguments *arguments, const struct audit_job *job);
    bool takes_minutes;  /* ends by itself, with what is done */
    bool counts_pixels;  /* an inspector's sizes do; else each channel's value */
    const char *flagged; /* what inputs do that a detector flags */
} audit_method;

extern const audit_method audit_methods[AUDIT_STEPS]; /* in the order in which they run */

typedef struct audit_step {
    const audit_method *row;
    bool applies; /* whether its data were given */
    step step;
    const char *failed; /* why it has no record, or NULL */
    bool late;          /* its time was up */
    double given;       /* seconds that it had, at most */
    json_t *record;     /* where it is done */
    inspected found;    /* of an inspector */
    size_t *classes;    /* that it flags */
    size_t class_count;
    bool inputs; /* flags a suspect set */
} audit_step;

/* The error rates of an inspector, from a record of controls. */
typedef struct audit_rates {
    const char *inspector; /* or NULL: unknown */
    td_rate false_positives, detected;
    bool same; /* asked as here, but for the data */
} audit_rates;

typedef struct audit_job {
    const audit_options *options;
    td_dataset clean;
    td_model model;
    td_rate accuracy;
    double chance;
    const char *sample;  /* DIR/clean.safetensors, from which methods take clean images */
    size_t sample_count; /* of its images, in an order that was drawn */
    audit_step steps[AUDIT_STEPS];
    audit_rates rates[AUDIT_MOST_SETS];
    size_t rate_count;
    conclusion conclusion;
    json_t *evidence, *limits, *pictures; /* arrays */
    step_run run;
    run_folder folder;
    double deadline; /* in monotonic seconds */
    tool_progress progress;
    tool_record record;
    td_arena arena;
} audit_job;

/* Opens the model and all data, checks that they fit, and notes them in the record. TD_ERR_USAGE
 * for a model of one class and for too few clean images. */
td_status audit_open(audit_job *job, td_error *error) TD_MUST_USE;

/* Sets accuracy and chance. */
td_status audit_measure(audit_job *job, td_error *error) TD_MUST_USE;

/* Says where the clean images that methods work with will stand, and how many they are. */
td_status audit_name_sample(audit_job *job, td_error *error) TD_MUST_USE;

/* Draws them, and writes them there unless the same ones are. */
td_status audit_draw_sample(audit_job *job, td_error *error) TD_MUST_USE;

/* Makes the steps that apply, and looks which are done. */
td_status audit_plan(audit_job *job, td_error *error) TD_MUST_USE;

const audit_step *audit_find_step(const audit_job *job, const tool_method *method);

/* Runs those that are not, within the time. A step that fails is no failure of the audit. */
td_status audit_run_steps(audit_job *job, td_error *error) TD_MUST_USE;

/* Reads --controls; then the rates of an inspector, or NULL. */
td_status audit_read_rates(audit_job *job, td_error *error) TD_MUST_USE;
const audit_rates *audit_rates_of(const audit_job *job, const audit_step *of);

/* Reads the records: sets what each step found, and job->evidence and job->pictures. */
td_status audit_read(audit_job *job, td_error *error) TD_MUST_USE;

/* Sets job->limits. Call it after audit_read and the conclusion. */
void audit_list_limits(audit_job *job);

/* "class 7 (Sneaker)". Returns `text`. */
enum { AUDIT_CLASS_SIZE = 96 };
const char *audit_class(const audit_job *job, size_t class, char text[AUDIT_CLASS_SIZE]);

/* The conclusion in one line. Returns `text`. */
enum { AUDIT_SUMMARY_SIZE = 512 };
const char *audit_summary(const audit_job *job, char text[AUDIT_SUMMARY_SIZE]);

/* Puts all into the record, writes DIR/audit.txt, and prints it unless the record goes to stdout.
 */
td_status audit_tell(audit_job *job, td_error *error) TD_MUST_USE;

extern const char audit_text_name[]; /* "audit.txt" */

#endif
