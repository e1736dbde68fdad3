/* SPDX-License-Identifier: MIT */
/* Implants: a method puts a backdoor into a trained model, or trains a model with one. A method
 * consists of its keys and a struct implant; the family opens model and data and measures
 * (implant.c), and writes the model, its triggers as pictures, and the manifest (outputs.c). A new
 * one is a file with one struct implant and one tool_method, and a row in main.c. */
#ifndef TOOLS_IMPLANT_IMPLANT_H
#define TOOLS_IMPLANT_IMPLANT_H

#include "data/bitmap.h"
#include "data/dataset.h"
#include "frame/run.h"
#include "frame/target.h"
#include "model/model.h"

/* As many triggers as trapdoor-eval can measure at once. */
enum { IMPLANT_MOST_TARGETS = 256 };

/* The settings of a method that changes a trained model begin with these, which implant_keys fill.
 */
typedef struct implant_own {
    const char *model;
    td_many targets; /* as given: classes, or "all" */
    bool all;        /* --target all */
    const char *at;  /* position of the triggers, as given; parsed into: */
    td_position position;
    const char *folder; /* for triggers, pictures and manifest; NULL: beside the model */
} implant_own;

extern const td_key implant_keys[];

/* TD_ERR_USAGE if several targets are given to a method with one target. */
td_status implant_check_one(const implant_own *own, td_error *error) TD_MUST_USE;

extern const tool_family implants;

extern const tool_method implant_blind, implant_bpp, implant_evade, implant_hijack, implant_imc,
    implant_input_aware, implant_latent, implant_lira, implant_pruning_aware, implant_sra,
    implant_tbt, implant_trojannet, implant_wanet;

typedef struct implant_job implant_job;

/* The functions of a method. It keeps its data in job->state between calls. */
typedef struct implant {
    bool trains;         /* it trains a new model: its settings do not begin with implant_own */
    const char *picture; /* an additional picture beside the model, or NULL */
    /* Called before the work: opens data, and refuses what does not match it or the model. */
    td_status (*prepare)(implant_job *job, td_error *error);
    /* Sets the job's net and weights, draws its pictures and fills the run's tables. For a method
     * that does not train, the record's field with the method's name is copied to the manifest. */
    td_status (*make)(implant_job *job, td_error *error);
    void (*close)(implant_job *job); /* also after a failure, if `state` is set */
    const void *attack;              /* for a method that trains by plant.h: a plant_attack */
} implant;

/* A trigger, and its target class. */
typedef struct implant_trigger {
    const char
        *role; /* in the manifest: "poison"; or "negative", for which images keep their labels */
    const char *text; /* as a TRIGGER; set when `file` is written */
    tool_target target;
    const char *file; /* "trigger-3.png", if it is written; NULL: none */
    /* Its content: a picture, pasted at a position (owned by the job), or a stamped copy of each
     * measured image. */
    td_bitmap picture;
    const td_images *table; /* NULL: the picture */
} implant_trigger;

/* Another net to write beside the model, such as the generator of its trigger. */
typedef struct implant_net {
    const char *file; /* "pattern.safetensors" */
    const td_net *net;
    const float *weights;
} implant_net;

enum { IMPLANT_MOST_NETS = 2 };

/* One run. */
struct implant_job {
    tool_run *run;
    const implant *math;
    /* For a method that changes a trained model: */
    const implant_own *own;
    td_model model;
    implant_trigger *triggers; /* [trigger_count], one per target, already set; a method that trains
                                  adds its own, or has none */
    size_t trigger_count;
    size_t left, top; /* of the top-left pixel of the triggers */
    implant_net nets[IMPLANT_MOST_NETS];
    size_t net_count;
    const td_dataset *source; /* the set that names the target classes, for the manifest; or NULL */
    td_bitmap picture;        /* implant.picture's; owned */
    /* The result: */
    const td_net *net;
    const float *weights;
    const char *const *class_names; /* of the net's outputs, or NULL */
    void *state;                    /* owned by the method */
};

/* Parses --at, a position as in a TRIGGER. TD_ERR_USAGE. */
td_status implant_read_place(const char *at, td_position *out, td_error *error) TD_MUST_USE;

/* The top-left pixel of a square of `side` pixels at --at. TD_ERR_USAGE if it is not within the
 * model's images; TD_ERR_FORMAT, naming the model's file, if these are smaller than the square or
 * have neither 1 nor 3 channels. */
td_status implant_place(const implant_job *job, size_t side, size_t *top, size_t *left,
                        td_error *error) TD_MUST_USE;

/* Opens DATA, with default split `split`, and records it. TD_ERR_USAGE if it is empty, or does not
 * match `net`, which may be NULL. The caller closes it. */
td_status implant_open_data(tool_run *run, td_dataset *data, const char *text, const char *split,
                            const td_net *net, td_error *error) TD_MUST_USE;

/* Measurements of a model on images, clean and with the trigger. */
typedef struct implant_figures {
    td_rate accuracy, asr;
} implant_figures;

td_status implant_measure(tool_run *run, const td_net *net, const float *weights,
                          const td_images *images, const td_images *stamped, size_t target,
                          implant_figures *out, td_error *error) TD_MUST_USE;

/* Measures the original model and the one with `weights` on the data, clean and stamped: the
 * record's `test`, and two tables. */
td_status implant_measure_change(tool_run *run, const td_model *model, const float *weights,
                                 const td_dataset *data, const td_images *stamped, size_t target,
                                 td_error *error) TD_MUST_USE;

/* Before the work: refuses outputs beside the model that cannot be written. */
td_status implant_check_outputs(const implant_job *job, td_error *error) TD_MUST_USE;

/* Adds the triggers, the picture and the manifest to the run's outputs, after the model. */
td_status implant_write_triggers(implant_job *job, td_error *error) TD_MUST_USE;

#endif
