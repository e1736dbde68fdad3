/* SPDX-License-Identifier: MIT */
/* One small change that, added to any image, sends the images of each class where a goal says: by
 * ascent of the margins on clean images within a ball of the L2 norm. Its statistic is how far
 * other images follow. A backdoor gives way to a change far smaller than a clean class needs. */
#ifndef TOOLS_DEFEND_INSPECT_SHARED_CHANGE_H
#define TOOLS_DEFEND_INSPECT_SHARED_CHANGE_H

#include "defend/inspect/sample.h"

typedef struct shared_change_settings {
    size_t images; /* clean ones of each class */
    size_t steps;
    double radius; /* of the ball, in grey levels */
} shared_change_settings;

extern const td_key shared_change_keys[];

enum { SHARED_CHANGE_STAYS = -1 };

/* A search: `goals` is where the images of each class are to be sent, SHARED_CHANGE_STAYS for those
 * that take no part. The rest is what is found. */
typedef struct shared_change {
    int32_t *goals; /* [classes] */
    float *change;  /* [values], in grey levels */
    double value;   /* the mean bounded margin (sample.h) of the goals, over other images than those
                       of the search */
    td_rate asr;    /* of these images, those that reach their goal */
} shared_change;

/* Goals and changes of `count` searches, all SHARED_CHANGE_STAYS and 0, in the run's arena. */
td_status shared_change_new(inspection *in, const inspect_sample *s, size_t count,
                            shared_change **out, td_error *error) TD_MUST_USE;

/* Searches all, with progress. TD_ERR_INTERRUPTED. */
td_status shared_change_search(inspection *in, const inspect_sample *s,
                               const shared_change_settings *settings, shared_change *list,
                               size_t count, td_error *error) TD_MUST_USE;

/* The mean margin of each class for the images of each other one once the change is added:
 * margins[class * classes + goal]; 0 for classes without images. */
td_status shared_change_margins(inspection *in, const inspect_sample *s, const float *change,
                                double *margins, td_error *error) TD_MUST_USE;

#endif
