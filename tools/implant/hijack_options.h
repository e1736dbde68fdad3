/* The options of trapdoor-implant hijack. */
#ifndef TOOLS_IMPLANT_HIJACK_OPTIONS_H
#define TOOLS_IMPLANT_HIJACK_OPTIONS_H

#include "implant/options.h"

typedef struct hijack_options {
    implant_options shared;
    const char *layer; /* or NULL: the first that there is */
    bool into;         /* --select */
    size_t neurons;
    size_t size;      /* of a square trigger */
    const char *mask; /* a picture, or NULL */
    double opacity;
    double goal, smoothness; /* of the trigger's search */
    size_t trigger_steps;
    size_t images, image_steps; /* to be inverted, per class */
    double temperature;
    size_t copies;        /* of each, varied */
    size_t epochs, batch; /* of retraining */
    double learning_rate;
    const char *test; /* DATA to measure on, or NULL */
} hijack_options;

/* Parses the command line; exits with 2 on a wrong one. */
void hijack_options_parse(hijack_options *options, int argc, char **argv);

/* The configuration for the record: a new reference, or NULL. */
json_t *hijack_options_json(const hijack_options *options);

#endif
