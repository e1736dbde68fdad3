/* SPDX-License-Identifier: MIT */
/* Repairs of models: a repair makes another model from the given one. The framework opens the
 * inputs and holds out the clean images for selection (repair.c), measures the model before and
 * after (evaluate.h), and writes it to -o. A new repair is one file with one struct repair and one
 * tool_method, and a row in methods.c. */
#ifndef TOOLS_DEFEND_REPAIR_REPAIR_H
#define TOOLS_DEFEND_REPAIR_REPAIR_H

#include "defend/repair/evaluate.h"

enum { REPAIR_NETS = 4 };

/* The inputs of every repair. */
typedef struct repair_settings {
    defend_model model;
    const char *clean;    /* DATA; NULL: the repair does not learn from images */
    const char *validate; /* DATA, or NULL */
    repair_truth truth;
} repair_settings;

/* The settings of a repair that selects begin with these, and its groups begin with their keys. */
typedef struct repair_selection {
    double hold_out; /* the share of --clean to hold out without --validate, in (0, 0.9] */
} repair_selection;

/* The key row, for settings that begin with them. */
#define REPAIR_HOLD_OUT                                                                            \
    {                                                                                              \
        "hold-out", TD_KEY_REAL, offsetof(repair_selection, hold_out),                             \
            .above = true, .most = 0.9, .standard = "0.25", .value = "SHARE",                      \
            .help = "Without --validate, keep back this share of --clean, drawn at random, to "    \
                    "validate"                                                                     \
    }

extern const td_key repair_selection_keys[];

/* Repairs that learn from --clean, and those that learn from no clean images: the latter take clean
 * images only through --validate, if at all, and job->learned is empty. */
extern const tool_family repairs, repairs_without_clean;

typedef struct repair_job repair_job;

typedef struct repair {
    bool selects; /* it needs held-out images to choose its result */
    /* Changes job->weights in place, or sets job->net and job->weights to new ones, in the run's
     * arena and in repair_new_net. Reports what it did by repair_say; adds tables to the run. */
    td_status (*run)(repair_job *job, td_error *error);
} repair;

/* One run. */
struct repair_job {
    tool_run *run; /* progress, deadline, seed, and the repair's settings, run->own */
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

/* Up to `count` of the images, drawn at random by the seed, in the run's arena. `epoch`: of
 * TD_FOR_REPAIR, unique to this draw of the repair. */
td_status repair_draw(repair_job *job, const td_images *images, size_t count, uint32_t epoch,
                      td_images *out, td_error *error) TD_MUST_USE;

/* Space for a net that the family frees; at most REPAIR_NETS. */
td_net *repair_new_net(repair_job *job);

/* Appends to the summary, after a semicolon: "fine-tuned for 2 epochs on 400 images". */
void repair_say(repair_job *job, const char *format, ...) TD_PRINTF(2, 3);

/* The accuracy of a candidate on the held-out images. TD_ERR_INTERRUPTED. */
td_status repair_validate(const repair_job *job, const td_net *net, const float *weights,
                          td_rate *accuracy, td_error *error) TD_MUST_USE;

#endif
