/* SPDX-License-Identifier: MIT */
/* One small change that, added to any image, sends the images of each class to a goal: found by
 * ascent of the margins on clean images within an L2 ball. Its statistic is how well other images
 * follow. A backdoor needs a far smaller change than a clean class. */
#ifndef TOOLS_DEFEND_INSPECT_SHARED_CHANGE_H
#define TOOLS_DEFEND_INSPECT_SHARED_CHANGE_H

#include "defend/inspect/sample.h"

typedef struct shared_change_settings {
    size_t images; /* clean ones per class */
    size_t steps;
    double radius; /* of the ball, in grey levels */
} shared_change_settings;

extern const td_key shared_change_keys[];

enum { SHARED_CHANGE_STAYS = -1 };

/* A search: `goals` are the target classes for the images of each class, SHARED_CHANGE_STAYS for
 * classes without part in it. The other fields are results. */
typedef struct shared_change {
    int32_t *goals; /* [classes] */
    float *change;  /* [values], in grey levels */
    double value;   /* the mean bounded margin (sample.h) of the goals on images not used in the
                       search */
    td_rate asr;    /* of these images, the share that reaches its goal */
} shared_change;

/* Allocates `count` searches in the run's arena, with goals SHARED_CHANGE_STAYS and changes 0. */
td_status shared_change_new(inspection *in, const inspect_sample *s, size_t count,
                            shared_change **out, td_error *error) TD_MUST_USE;

/* Runs all searches, with progress. TD_ERR_INTERRUPTED. */
td_status shared_change_search(inspection *in, const inspect_sample *s,
                               const shared_change_settings *settings, shared_change *list,
                               size_t count, td_error *error) TD_MUST_USE;

/* The mean margin of each class on the images of each other class with the change added:
 * margins[class * classes + goal]; 0 for classes without images. */
td_status shared_change_margins(inspection *in, const inspect_sample *s, const float *change,
                                double *margins, td_error *error) TD_MUST_USE;

#endif
