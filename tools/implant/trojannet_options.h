/* The options of trapdoor-implant trojannet. */
#ifndef TOOLS_IMPLANT_TROJANNET_OPTIONS_H
#define TOOLS_IMPLANT_TROJANNET_OPTIONS_H

#include "implant/options.h"
#include "implant/trojannet.h"

typedef struct trojannet_options {
    implant_options shared;
    const trojan_reading *reading;
    double alpha, temperature, threshold;
    size_t steps;
} trojannet_options;

/* Parses the command line; exits with 2 on a wrong one. */
void trojannet_options_parse(trojannet_options *options, int argc, char **argv);

#endif
