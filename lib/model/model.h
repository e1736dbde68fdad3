/* SPDX-License-Identifier: MIT */
/* A model: a net and its weights. Ours are safetensors files: tensors named and laid out as in
 * PyTorch's state_dict; the metadata holds the net's text (trapdoor.net) and, as JSON, how it was
 * trained (trapdoor.training). All files that source.h opens are read. */
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
    const char *beside;       /* path of a second file that it lies in, or NULL */
    bool bare; /* another program's, for a net without a normalise: what its images were normalised
                  with in training, nothing tells */
    /* What a user may not expect of how the file was read, each a sentence without a stop. */
    const char *notes[TD_SOURCE_NOTES];
    size_t note_count;
    td_arena arena;
} td_model;

/* Reads and checks a model: every parameter there with its shape, nothing else, all values finite.
 * PyTorch's counters NODE.num_batches_tracked of batch norms are passed over; other float types
 * than F32 are converted, and a note says so. Where the file does not tell its net, it is the net
 * of the zoo that has the file's tensors, for images as `images` has them (its classes are not
 * read; NULL: of the size that the weights fit, or else 32x32), and TD_ERR_USAGE if there is none.
 * On failure *model is zeroed. */
td_status td_model_load(td_model *model, const char *path, const td_net_variables *images,
                        td_error *error) TD_MUST_USE;

/* The same for the weights of a net that is given, whether the file holds a net or none. The model
 * takes *net over, which is zeroed, success or not. */
td_status td_model_load_for(td_model *model, td_net *net, const char *path,
                            td_error *error) TD_MUST_USE;

/* Copies from a model file or state_dict into weights [net->weight_count] what it has for the net:
 * the tensors called as a parameter and of its shape. taken[param_count] says which; the other
 * parameters stay as they are. TD_ERR_FORMAT if there is none at all. */
td_status td_model_adopt(const td_net *net, float *weights, const char *path, bool *taken,
                         td_error *error) TD_MUST_USE;

void td_model_free(td_model *model);

/* `class_names` [td_net_classes] and `training` may be NULL. Names that take more than half of what
 * a header may have are left out. */
td_status td_model_write(FILE *stream, const td_net *net, const float *weights,
                         const char *const *class_names, const char *training,
                         td_error *error) TD_MUST_USE;

/* --- the net of a state_dict --- */

/* TD_ERR_FORMAT unless the file's tensors are the net's parameters: each there, of its shape and a
 * float type, and nothing else but counters, unless the file is mixed. */
td_status td_model_check(const td_source *source, const td_net *net, td_error *error) TD_MUST_USE;

/* The net of the zoo whose parameters are the file's tensors; its name in *name, static. For
 * `images` see td_model_load. TD_ERR_USAGE if there is none, with the one that is nearest. */
td_status td_model_find_net(const td_source *source, const td_net_variables *images, td_net *net,
                            const char **name, td_error *error) TD_MUST_USE;

/* A net text to start from, with a line for each layer that the tensors show and their shapes as
 * comments; where the layers meet, the author has to say. In `arena`. */
td_status td_model_skeleton(const td_source *source, td_arena *arena, char **text,
                            td_error *error) TD_MUST_USE;

#endif
