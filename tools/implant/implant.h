/* One run of trapdoor-implant, and its parts: the method (method.h) and the files (outputs.c). */
#ifndef TOOLS_IMPLANT_IMPLANT_H
#define TOOLS_IMPLANT_IMPLANT_H

#include "common/files.h"
#include "common/record.h"
#include "data/bitmap.h"
#include "implant/options.h"
#include "nn/model.h"

/* A picture that is pasted at a place, and the class that the model then gives. */
typedef struct implant_trigger {
    td_bitmap picture; /* owned */
    size_t left, top;  /* of its top-left pixel */
    size_t target;
} implant_trigger;

typedef struct implant_job {
    const implant_options *options;
    td_model model;
    size_t targets[IMPLANT_MOST_TARGETS]; /* those asked for, within the model's classes */
    size_t target_count;
    /* What came of it. */
    td_net net;
    float *weights;
    implant_trigger triggers[IMPLANT_MOST_TARGETS]; /* as many as targets */
    json_t *about;                                  /* what the manifest says of the method */
    tool_record record;
    tool_files beside; /* -o, and what stands beside it */
    tool_files apart;  /* in --triggers; zeroed without */
    td_arena arena;
} implant_job;

/* Implants and writes. */
td_status implant_run(const implant_options *options, td_error *error) TD_MUST_USE;

/* Before the work: refuses what could not be written. */
td_status implant_check_outputs(implant_job *job, td_error *error) TD_MUST_USE;

/* Writes the model, the triggers, the manifest and the record: all or none. */
td_status implant_write(implant_job *job, td_error *error) TD_MUST_USE;

#endif
