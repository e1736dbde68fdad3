/* SPDX-License-Identifier: MIT */
/* Repairs of models: a repair makes another model of the one it is given; the frame around it opens
 * the inputs and keeps the clean images apart that it selects by (repair.c), measures the model
 * before and after (evaluate.h), and writes it to -o. A new repair is one file with one struct
 * repair and one tool_method, and a row in methods.c. */
#ifndef TOOLS_DEFEND_REPAIR_REPAIR_H
#define TOOLS_DEFEND_REPAIR_REPAIR_H

#include "defend/repair/evaluate.h"

enum { REPAIR_NETS = 4 };

/* What every repair is asked to do. */
typedef struct repair_settings {
    defend_model model;
    const char *clean;    /* DATA; NULL: the repair learns from none */
    const char *validate; /* DATA, or NULL */
    repair_truth truth;
} repair_settings;

/* The settings of a repair that selects begin with these, and its groups with their keys. */
typedef struct repair_selection {
    double hold_out; /* the share of --clean that is held out without --validate, in (0, 0.9] */
} repair_selection;

/* Their row, for settings that begin with them. */
#define REPAIR_HOLD_OUT                                                                            \
    {                                                                                              \
        "hold-out", TD_KEY_REAL, offsetof(repair_selection, hold_out),                             \
            .above = true, .most = 0.9, .standard = "0.25", .value = "SHARE",                      \
            .help = "Without --validate, keep back this share of --clean, drawn at random, to "    \
                    "validate"                                                                     \
    }

extern const td_key repair_selection_keys[];

/* Repairs that learn from --clean, and those that learn from no clean image: these take clean ones
 * by --validate alone, if at all, and job->learned is empty. */
extern const tool_family repairs, repairs_without_clean;

typedef struct repair_job repair_job;

typedef struct repair {
    bool selects; /* it needs images that it does not learn from, to choose what it makes */
    /* Changes job->weights in place, or sets job->net and job->weights to others, which are in the
     * run's arena and in repair_new_net. Says by repair_say what it did; adds tables to the run. */
    td_status (*run)(repair_job *job, td_error *error);
} repair;

/* One run. */
struct repair_job {
    tool_run *run; /* its progress and deadline, the seed, and the repair's settings, run->own */
    const repair_settings *settings;
    td_model model;
    const td_net *net;      /* the model's, or what the repair made */
    float *weights;         /* of it */
    td_images learned;      /* clean images to learn from */
    td_images held_out;     /* others, to select by; count 0: none */
    td_images all;          /* clean images of both kinds, but none of --validate */
    size_t held_out_first;  /* number of the first of them, for what triggers draw */
    repair_evaluator truth; /* for measurement alone */
    td_dataset clean, validation;
    td_net nets[REPAIR_NETS];
    size_t net_count;
    char said[512];
};

/* `count` of the images, or all if there are no more, drawn at random by the seed, in the run's
 * arena. `epoch`: of TD_FOR_REPAIR, which no other draw of the repair has. */
td_status repair_draw(repair_job *job, const td_images *images, size_t count, uint32_t epoch,
                      td_images *out, td_error *error) TD_MUST_USE;

/* A place for a net that the family frees; at most REPAIR_NETS. */
td_net *repair_new_net(repair_job *job);

/* Adds to the summary, behind a semicolon: "fine-tuned for 2 epochs on 400 images". */
void repair_say(repair_job *job, const char *format, ...) TD_PRINTF(2, 3);

/* The accuracy of a candidate on the images that are held out. TD_ERR_INTERRUPTED. */
td_status repair_validate(const repair_job *job, const td_net *net, const float *weights,
                          td_rate *accuracy, td_error *error) TD_MUST_USE;

#endif
