/* SPDX-License-Identifier: MIT */
/* The search of Neural Cleanse for one class: the smallest mask, with a pattern, that sends images
 * of the other classes to it (Wang, Yao, Shan, Li, Viswanath, Zheng and Zhao, "Neural Cleanse:
 * identifying and mitigating backdoor attacks in neural networks", IEEE S&P 2019, section V-A). The
 * mask m [height, width] and the pattern p [height, width, channels] are tanh of the optimised
 * variables, scaled to [0, 1] and 0–255; an image becomes x' = (1 − m)·x + m·p in raw pixels. Each
 * step is one batch of Adam (rate .1, β .5 and .9, anew for each class) on the mean cross-entropy
 * against the class + cost·Σm, the cost by cleanse_schedule.
 *
 * A step succeeds if the last CLEANSE_WINDOW images (of several steps if batches are smaller) met
 * the attack rate. The last mask of a run of successes is kept if it is 3 % smaller than the kept
 * one and up to CLEANSE_CONFIRM clean images meet the rate too; without this confirmation, luck on
 * a few images would soon keep a mask that fails. Masks shrink within a run, so only the last is
 * confirmed: confirming each would take more images than all steps. */
#ifndef TOOLS_DEFEND_INSPECT_CLEANSE_SEARCH_H
#define TOOLS_DEFEND_INSPECT_CLEANSE_SEARCH_H

#include "frame/run.h"
#include "nn/net.h"

enum {
    CLEANSE_WINDOW = 128,   /* fewest images for deciding whether a step succeeds */
    CLEANSE_CONFIRM = 1024, /* most clean images for confirming a mask */
    CLEANSE_LEAST = 16,     /* fewest clean images of other classes for a search */
};

typedef struct cleanse_settings {
    size_t steps, batch, patience;
    double attack_rate; /* in (0, 1] */
} cleanse_settings;

/* The result of a search. */
typedef struct cleanse_found {
    bool found;
    double size;       /* Σ mask, in pixels; 0 unless found */
    td_rate asr;       /* on all clean images of other classes; if not found, of the last mask */
    size_t steps;      /* taken */
    double cost;       /* of the last step */
    bool has_gradient; /* a gradient of the image was not 0 (backward.h) */
    float *mask;       /* [height, width]; owned by the caller */
    float *pattern;    /* [height, width, channels]; owned by the caller */
} cleanse_found;

typedef struct cleanse_search cleanse_search;

/* Creates a search for one class after another, on the images of `clean`, by the run's seed. All
 * arguments must outlive it; its memory is the run's. The caller frees it, on failure too. */
td_status cleanse_search_new(cleanse_search **out, tool_run *run, const td_net *net,
                             const float *weights, const td_images *clean,
                             const cleanse_settings *settings, td_error *error) TD_MUST_USE;
void cleanse_search_free(cleanse_search *search);

/* Searches for a class; `found` has its arrays already. The run's progress counts steps, starting
 * from `before`, those of earlier classes. TD_ERR_USAGE with fewer than CLEANSE_LEAST images of
 * other classes; TD_ERR_NUMERIC if the loss is not finite; TD_ERR_INTERRUPTED. */
td_status cleanse_search_class(cleanse_search *search, size_t target, size_t before,
                               cleanse_found *found, td_error *error) TD_MUST_USE;

/* Σ mask, in pixels. */
double cleanse_mask_size(const float *mask, size_t places);

/* Writes images order[0 … count) with the trigger, x' = (1 − m)·x + m·p, to out [count, size].
 * Parallel. */
void cleanse_apply(const td_images *images, const uint32_t *order, size_t count, const float *mask,
                   const float *pattern, float *out);

/* --- the schedule --- */

/* The weight of the mask's size against the attack: the cost of a pixel, which adapts to the
 * success of the steps. It is 0 until `patience` steps in a row have succeeded, then 1e-3; from
 * then on it doubles with each `patience` successes in a row, and is divided by 2^1.5 with each
 * `patience` failures in a row. The search ends when the cost has risen and fallen and 5·patience
 * successes have passed since the kept mask became 1 % smaller.
 *
 * The authors' program counts failures there as well. Its steps are 31 batches each; with one batch
 * per step that would end the search when too high a cost has made the mask vanish. */
typedef struct cleanse_schedule {
    size_t patience;
    double cost;          /* of a pixel of the mask, for the next step */
    size_t up, down;      /* successes, failures in a run */
    bool raised, lowered; /* the cost has risen, fallen since it became positive */
    double smallest;      /* of the sizes given so far */
    size_t stale;         /* successes since then */
} cleanse_schedule;

cleanse_schedule cleanse_schedule_start(size_t patience);

/* Updates after a step: whether it met the attack rate, and the size of the smallest kept mask
 * (INFINITY for none). Returns whether the search is over. */
bool cleanse_schedule_step(cleanse_schedule *schedule, bool success, double smallest);

#endif
