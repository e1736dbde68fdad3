/* One run of trapdoor-implant hijack, and its parts: the stages (hijack.c), the images
 * (hijack_images.c), the measurement on --test (hijack_measure.c), and what is told and drawn
 * (hijack_report.c). */
#ifndef TOOLS_IMPLANT_HIJACK_JOB_H
#define TOOLS_IMPLANT_HIJACK_JOB_H

#include "data/dataset.h"
#include "implant/hijack.h"
#include "implant/hijack_options.h"
#include "implant/implant.h"

/* A model on the images of --test. */
typedef struct hijack_figures {
    td_rate accuracy, asr;
} hijack_figures;

typedef struct hijack_job {
    implant_job job;
    const hijack_options *options;
    hijack_layer layer;
    double *sums;    /* of all neurons (hijack_rank) */
    uint32_t *order; /* all neurons, the best first; where the trigger was found, those that it is
                        for stand first, and those that it could not make fire at the end */
    size_t skipped;  /* how many of these */
    hijack_mask mask;
    td_images made;   /* images of each class, class by class */
    double *sure;     /* [classes]: the mean probability that they have of their class */
    td_images varied; /* variants of these, with the classes that the model gives them */
    td_images mixed;  /* these, and the same with the trigger, of class K */
    td_net part, tail;
    float *part_weights, *tail_weights;
    hijack_found found;
    hijack_retrained retrained;
    td_dataset test; /* zeroed without --test */
    hijack_figures before, after;
} hijack_job;

/* Makes images of each class out of the model, and variants of them. */
td_status hijack_make_images(hijack_job *h, td_error *error) TD_MUST_USE;

/* The variants, and the same with the trigger and class K. */
td_status hijack_mix(hijack_job *h, td_error *error) TD_MUST_USE;

/* Opens --test, and refuses what the model cannot be measured on. */
td_status hijack_open_test(hijack_job *h, td_error *error) TD_MUST_USE;

/* Measures the model before and after, where there is --test, and adds it to the record. */
td_status hijack_measure(hijack_job *h, td_error *error) TD_MUST_USE;

/* What the record and the manifest say of the attack, to job.about, and to standard output. */
td_status hijack_report(hijack_job *h, td_error *error) TD_MUST_USE;

/* The trigger, and a sheet of the images made, as they are and with the trigger. */
td_status hijack_draw(hijack_job *h, td_error *error) TD_MUST_USE;

#endif
