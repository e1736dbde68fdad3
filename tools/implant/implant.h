/* One run of a method of trapdoor-implant: what all methods do alike. A method is a file that
 * defines one tool_method (method.h); it fills an implant_job and calls these in their order. */
#ifndef TOOLS_IMPLANT_IMPLANT_H
#define TOOLS_IMPLANT_IMPLANT_H

#include "data/bitmap.h"
#include "frame/files.h"
#include "frame/record.h"
#include "implant/options.h"
#include "nn/model.h"

/* A trigger, and the class that the model then gives. */
typedef struct implant_trigger {
    size_t target;
    /* Either a picture that is written beside the model and pasted at a place ... */
    td_bitmap picture; /* owned */
    size_t left, top;  /* of its top-left pixel */
    /* ... or, where this is not NULL, a TRIGGER as it is. */
    const char *text;
} implant_trigger;

/* Another picture that is written beside the model, for people to look at. */
typedef struct implant_picture {
    const char *name;
    td_bitmap bitmap; /* owned */
} implant_picture;

enum { IMPLANT_MOST_PICTURES = 4 };

typedef struct implant_job {
    const tool_common *common;
    const char *method; /* its name */
    const char *folder; /* for triggers, pictures and the manifest (--triggers); NULL: beside -o */
    td_model model;     /* the one that gets the backdoor; zeroed where a method trains its own */
    implant_trigger *triggers; /* [trigger_count], in `arena` */
    size_t trigger_count;
    implant_picture pictures[IMPLANT_MOST_PICTURES];
    size_t picture_count;
    /* What came of it. */
    td_net net;
    float *weights;
    const char *training; /* JSON on how it was trained, for the model's metadata, or NULL */
    json_t *about;        /* what the manifest says under the method's name; owned */
    tool_record record;
    tool_files beside; /* -o, and what stands beside it */
    tool_files apart;  /* in `folder`; zeroed without */
    td_arena arena;
} implant_job;

/* Whether results are printed on standard output: not if the record goes there. */
bool implant_prints(const implant_job *job);

/* 1. Starts the record. `options` is stolen; NULL is TD_ERR_MEMORY. */
td_status implant_start(implant_job *job, json_t *options, td_error *error) TD_MUST_USE;

/* 2. Of a method that changes a trained model: loads it, and makes one trigger for each target
 * asked for, with nothing in it but the target. */
td_status implant_open(implant_job *job, const implant_options *options,
                       td_error *error) TD_MUST_USE;

/* 3. Before the work, when the triggers' targets and the pictures' names are known: refuses what
 * could not be written. */
td_status implant_check_outputs(implant_job *job, td_error *error) TD_MUST_USE;

/* 4. Writes the model, the triggers, the pictures, the manifest and the record, all or none, and
 * prints the triggers as trapdoor-eval takes them. */
td_status implant_write(implant_job *job, td_error *error) TD_MUST_USE;

/* 5. Also after a failure. */
void implant_close(implant_job *job);

#endif
