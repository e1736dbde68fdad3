/* SPDX-License-Identifier: MIT */
/* A model: a net and its weights. Ours are safetensors files: tensors named and laid out as in
 * PyTorch's state_dict; the metadata holds the net's text (trapdoor.net) and, as JSON, how it was
 * trained (trapdoor.training). Reads every kind that source.h opens. */
#ifndef TD_MODEL_MODEL_H
#define TD_MODEL_MODEL_H

#include "model/source.h"
#include "nn/net.h"
#include <stdio.h>

typedef struct td_model {
    td_net net;
    float *weights;           /* [net.weight_count] */
    const char **class_names; /* [td_net_classes], or NULL */
    const char *training;     /* JSON text, or NULL */
    const char *kind;         /* of its file: "PyTorch checkpoint" */
    const char *beside;       /* path of a second file with its weights, or NULL */
    bool bare; /* from another program, and the net has no normalise: the normalisation of its
                  training images is unknown */
    /* Surprising facts about how the file was read, each a sentence without a full stop. */
    const char *notes[TD_SOURCE_NOTES];
    size_t note_count;
    td_arena arena;
} td_model;

/* Reads and checks a model: every parameter present with its shape, nothing else, all values
 * finite. Skips PyTorch's counters NODE.num_batches_tracked of batch norms, and converts other
 * float types to F32 with a note. A file without a net gets the net of the zoo that has the same
 * tensors, for images like `images` (its classes are not used; NULL: the size that fits the
 * weights, else 32x32); TD_ERR_USAGE if there is none. On failure *model is zeroed. */
td_status td_model_load(td_model *model, const char *path, const td_net_variables *images,
                        td_error *error) TD_MUST_USE;

/* The same for the weights of a given net, which replaces a net in the file. The model takes
 * ownership of *net, which is zeroed, on failure too. */
td_status td_model_load_for(td_model *model, td_net *net, const char *path,
                            td_error *error) TD_MUST_USE;

/* Copies into weights [net->weight_count] the tensors of a model file or state_dict that have the
 * name and shape of a parameter. taken[param_count] reports which; other parameters are unchanged.
 * TD_ERR_FORMAT if there is none. */
td_status td_model_adopt(const td_net *net, float *weights, const char *path, bool *taken,
                         td_error *error) TD_MUST_USE;

void td_model_free(td_model *model);

/* `class_names` [td_net_classes] and `training` may be NULL. Names that would take more than half
 * of the largest header are left out. */
td_status td_model_write(FILE *stream, const td_net *net, const float *weights,
                         const char *const *class_names, const char *training,
                         td_error *error) TD_MUST_USE;

/* --- the net of a state_dict --- */

/* TD_ERR_FORMAT unless the file's tensors are exactly the net's parameters, each with its shape and
 * a float type. Counters are allowed; other tensors only if the file is mixed. */
td_status td_model_check(const td_source *source, const td_net *net, td_error *error) TD_MUST_USE;

/* The net of the zoo whose parameters are the file's tensors; *name is static. For `images` see
 * td_model_load. TD_ERR_USAGE if there is none, naming the closest. */
td_status td_model_find_net(const td_source *source, const td_net_variables *images, td_net *net,
                            const char **name, td_error *error) TD_MUST_USE;

/* A draft net text with a line for each layer that the tensors suggest and their shapes as
 * comments; the author has to add the connections. In `arena`. */
td_status td_model_skeleton(const td_source *source, td_arena *arena, char **text,
                            td_error *error) TD_MUST_USE;

#endif
