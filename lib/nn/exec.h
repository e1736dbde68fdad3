/* SPDX-License-Identifier: MIT */
/* The executor: runs a net forward and backward on batches. All memory is planned and allocated
 * once, in td_exec_new; the passes neither allocate nor fail. */
#ifndef TD_NN_EXEC_H
#define TD_NN_EXEC_H

#include "nn/net.h"

typedef struct td_exec td_exec;

typedef enum td_exec_kind {
    TD_FORWARD,        /* inference: activations share memory, batch norms are folded away; a chunk
                          of images goes through the whole net on one thread */
    TD_BACKWARD,       /* gradients of the parameters */
    TD_BACKWARD_INPUT, /* ... and of the image as well */
    TD_BACKWARD_IMAGE, /* the gradient of the image alone: the parameters are frozen, batch norms
                          folded away */
} td_exec_kind;

/* For batches of up to `batch` images; from 32 on, inference cuts them into chunks of an eighth, of
 * 16 images at least and 64 at most. The net must outlive the executor, which the caller frees.
 * The number of threads must not grow afterwards. */
td_status td_exec_new(td_exec **out, const td_net *net, size_t batch, td_exec_kind kind,
                      td_error *error) TD_MUST_USE;
void td_exec_free(td_exec *exec);

/* Uses these weights [net->weight_count] from now on; to be called again whenever they changed.
 * They stay the caller's and must stay in place. */
void td_exec_weights(td_exec *exec, const float *weights);

/* From now on the passes are those of training, at this step: batch norms use the batch's
 * statistics and dropout drops, by draws of (seed, step, node, image). For TD_BACKWARD and
 * TD_BACKWARD_INPUT. */
void td_exec_training(td_exec *exec, uint64_t seed, uint32_t step);

/* Where the caller puts raw pixels, [batch, height, width, channels], before each forward pass. */
float *td_exec_input(td_exec *exec);

/* Returns the logits [batch, classes], valid until the next pass. */
const float *td_exec_forward(td_exec *exec, size_t batch);

/* Where the caller puts the gradient of the logits [batch, classes], after the forward pass. */
float *td_exec_logits_gradient(td_exec *exec);

/* One backward pass for the last forward pass; afterwards its activations are gone. `dweights`
 * [net->weight_count] is overwritten, running statistics' slots with this batch's values when
 * training (td_net_update_running); NULL for none, as for TD_BACKWARD_IMAGE. Nodes whose parameters
 * are all frozen (td_param) compute no gradient of them, and their slots are left alone; what is
 * frozen must not change once the executor is made.
 * Returns the gradient of the raw pixels for TD_BACKWARD_INPUT and _IMAGE, else NULL. */
const float *td_exec_backward(td_exec *exec, float *dweights);

/* Bytes of all its memory. */
size_t td_exec_bytes(const td_exec *exec);

#endif
