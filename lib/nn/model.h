/* A model: a net and its weights, in one safetensors file. Tensors are named and laid out as in
 * PyTorch's state_dict; the metadata holds the net's text (trapdoor.net) and, as JSON, the names of
 * its classes (trapdoor.classes, an array) and how it was trained (trapdoor.training). */
#ifndef TD_NN_MODEL_H
#define TD_NN_MODEL_H

#include "nn/net.h"
#include <stdio.h>

typedef struct td_model {
    td_net net;
    float *weights;           /* [net.weight_count] */
    const char **class_names; /* [td_net_classes], or NULL */
    const char *training;     /* JSON text, or NULL */
    td_arena arena;
} td_model;

/* Reads and checks a model: every parameter there with its shape, nothing else, all values finite.
 * PyTorch's counters NODE.num_batches_tracked of batch norms are passed over. On failure *model is
 * zeroed. */
td_status td_model_load(td_model *model, const char *path, td_error *error) TD_MUST_USE;

/* The same for the weights of a net that is given, whether the file holds a net's text or, as a
 * state_dict saved by others, none. The model takes *net over, which is zeroed, success or not. */
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

#endif
