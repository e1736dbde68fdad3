/* SPDX-License-Identifier: MIT */
/* The search of Neural Cleanse for one class: the smallest mask, with a pattern, that sends the
 * images of the other classes there (Wang, Yao, Shan, Li, Viswanath, Zheng and Zhao, "Neural
 * Cleanse: identifying and mitigating backdoor attacks in neural networks", IEEE S&P 2019, section
 * V-A). The mask m [height, width] and the pattern p [height, width, channels] are tanh of what is
 * searched over, brought to [0, 1] and 0–255; an image becomes x' = (1 − m)·x + m·p in raw pixels.
 * Each step is one batch of Adam (rate .1, β .5 and .9, anew for each class) on the mean
 * cross-entropy against the class + cost·Σm, the cost by cleanse_schedule.
 *
 * A step is a success if the last CLEANSE_WINDOW images, those of several steps where batches are
 * smaller, met the attack rate. The last mask of a row of successes is kept if it is 3 % smaller
 * than the one kept and all of up to CLEANSE_CONFIRM clean images meet the rate as well: by luck
 * with few images a mask that does not would soon be kept. Within a row masks shrink, so that one
 * is confirmed for all of them: confirming each takes more images than all steps. */
#ifndef TOOLS_DEFEND_INSPECT_CLEANSE_SEARCH_H
#define TOOLS_DEFEND_INSPECT_CLEANSE_SEARCH_H

#include "frame/run.h"
#include "nn/net.h"

enum {
    CLEANSE_WINDOW = 128,   /* images that tell whether a step is a success, at least */
    CLEANSE_CONFIRM = 1024, /* clean images that a mask is confirmed with, at most */
    CLEANSE_LEAST = 16,     /* clean images of other classes that a search takes, at least */
};

typedef struct cleanse_settings {
    size_t steps, batch, patience;
    double attack_rate; /* in (0, 1] */
} cleanse_settings;

/* What a search gives. */
typedef struct cleanse_found {
    bool found;
    double size;    /* Σ mask, in pixels; 0 unless found */
    td_rate asr;    /* of all clean images of other classes; unless found, of the last mask */
    size_t steps;   /* taken */
    double cost;    /* of the last step */
    float *mask;    /* [height, width]; the caller's */
    float *pattern; /* [height, width, channels]; the caller's */
} cleanse_found;

typedef struct cleanse_search cleanse_search;

/* For one class after another, on the images of `clean`, by the run's seed. All of these must
 * outlive it, its memory being the run's. On failure, too, the caller frees it. */
td_status cleanse_search_new(cleanse_search **out, tool_run *run, const td_net *net,
                             const float *weights, const td_images *clean,
                             const cleanse_settings *settings, td_error *error) TD_MUST_USE;
void cleanse_search_free(cleanse_search *search);

/* Searches for a class; `found` has its arrays already. The run shows steps, of which `before` are
 * those of classes before. TD_ERR_USAGE with fewer than CLEANSE_LEAST images of other classes;
 * TD_ERR_NUMERIC where the loss is not finite; TD_ERR_INTERRUPTED. */
td_status cleanse_search_class(cleanse_search *search, size_t target, size_t before,
                               cleanse_found *found, td_error *error) TD_MUST_USE;

/* Σ mask, in pixels. */
double cleanse_mask_size(const float *mask, size_t places);

/* Writes images order[0 … count) with the trigger, x' = (1 − m)·x + m·p, to out [count, size].
 * Parallel. */
void cleanse_apply(const td_images *images, const uint32_t *order, size_t count, const float *mask,
                   const float *pattern, float *out);

/* --- the schedule --- */

/* How Neural Cleanse weighs the size of the mask against the attack: the cost of a pixel, which
 * follows the success of the steps. It is 0 until `patience` steps in a row have succeeded, then
 * 1e-3; from then on it doubles with each `patience` successes in a row, and is divided by 2^1.5
 * with each `patience` failures in a row. The search is over when the cost has gone both ways and
 * 5·patience successes have passed since the mask that is kept became 1 % smaller.
 *
 * The authors' program counts failures there as well. Its steps are 31 batches each; with one batch
 * a step that would end the search where a cost too high has made the mask vanish. */
typedef struct cleanse_schedule {
    size_t patience;
    double cost;          /* of a pixel of the mask, for the next step */
    size_t up, down;      /* successes, failures in a row */
    bool raised, lowered; /* whether the cost has, since it is not 0 */
    double smallest;      /* of the sizes told so far */
    size_t stale;         /* successes since then */
} cleanse_schedule;

cleanse_schedule cleanse_schedule_start(size_t patience);

/* After a step: whether it met the attack rate, and the size of the smallest mask kept so far
 * (INFINITY for none). Returns whether the search is over. */
bool cleanse_schedule_step(cleanse_schedule *schedule, bool success, double smallest);

#endif
