/* SPDX-License-Identifier: MIT */
/* Runs a detector without the tool: on a test's own net, with clean images in memory. */
#ifndef TESTS_UNIT_DETECT_SUPPORT_H
#define TESTS_UNIT_DETECT_SUPPORT_H

#include "defend/detect/detect.h"
#include "support.h"

enum {
    SUBJECT_IMAGES = 256,
    SUBJECT_PIXELS = 4, /* pixels of subject_by_mean's images */
    SUBJECT_CLEAN = 40,
};

typedef struct subject {
    tool_settings values;
    tool_run run;
    detect_job job;
    uint32_t numbers[SUBJECT_IMAGES];
    double scores[SUBJECT_IMAGES];
    int32_t classes[SUBJECT_IMAGES];
    int32_t labels[SUBJECT_IMAGES];
} subject;

/* The method's settings, and a job with this net, whose weights are 0 and batch norms plain, and
 * `count` clean images. subject_close releases its memory. */
void subject_open(subject *s, const tool_method *method, const char *net, const uint8_t *pixels,
                  size_t count);
void subject_close(subject *s);

void subject_set(subject *s, const char *key, const char *value);

/* A net of 2x2 images and two classes: class 1 if the mean pixel is above 60, with the weights
 * below. It normalises its input, so that a test sees that pixels are changed before that. */
extern const char subject_by_mean[];
void subject_mean_weights(subject *s);

/* Clean images for it. */
extern const uint8_t subject_clean[SUBJECT_CLEAN * SUBJECT_PIXELS];

/* The values of a parameter. */
float *subject_weights(subject *s, const char *param);

/* Applies the current weights, and prepares the detector. */
td_status subject_prepare(subject *s, td_error *error);

/* The scores of images; the first has the number `first`. */
void subject_score(subject *s, const uint8_t *pixels, size_t count, uint32_t first, double *out);

#endif
