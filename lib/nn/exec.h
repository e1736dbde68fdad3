/* SPDX-License-Identifier: MIT */
/* The executor runs a net forward and backward on batches. td_exec_new plans and allocates all
 * memory; the passes neither allocate nor fail. */
#ifndef TD_NN_EXEC_H
#define TD_NN_EXEC_H

#include "nn/net.h"

typedef struct td_exec td_exec;

typedef enum td_exec_kind {
    TD_FORWARD,  /* inference: activations share memory, batch norms are folded; one thread takes a
                    chunk of images through the whole net */
    TD_BACKWARD, /* gradients of the parameters */
    TD_BACKWARD_INPUT, /* ... and of the image as well */
    TD_BACKWARD_IMAGE, /* the gradient of the image only: parameters are frozen, batch norms folded
                        */
} td_exec_kind;

/* For batches of up to `batch` images. From 32 on, inference splits them into chunks of an eighth,
 * at least 16 and at most 64 images. The net must outlive the executor, which the caller frees. The
 * number of threads must not grow afterwards. */
td_status td_exec_new(td_exec **out, const td_net *net, size_t batch, td_exec_kind kind,
                      td_error *error) TD_MUST_USE;
void td_exec_free(td_exec *exec);

/* Sets the weights [net->weight_count]; call it again whenever they change. The caller owns them
 * and must keep them in place. */
void td_exec_weights(td_exec *exec, const float *weights);

/* Switches the passes to training, at this step: batch norms use the batch's statistics, and
 * dropout drops by draws of (seed, step, node, image). For TD_BACKWARD and TD_BACKWARD_INPUT. */
void td_exec_training(td_exec *exec, uint64_t seed, uint32_t step);

/* The buffer for raw pixels, [batch, height, width, channels], to be filled before each forward
 * pass. */
float *td_exec_input(td_exec *exec);

/* Returns the logits [batch, classes], valid until the next pass. */
const float *td_exec_forward(td_exec *exec, size_t batch);

/* The buffer for the gradient of the logits [batch, classes], to be filled after the forward pass.
 */
float *td_exec_logits_gradient(td_exec *exec);

/* The backward pass of the last forward pass; it consumes the activations. Overwrites `dweights`
 * [net->weight_count] (NULL: none, as for TD_BACKWARD_IMAGE); when training, the slots of running
 * statistics receive this batch's values (td_net_update_running). Nodes whose parameters are all
 * frozen (td_param) compute no parameter gradient and leave their slots alone; `frozen` must not
 * change once the executor is made.
 * Returns the gradient of the raw pixels for TD_BACKWARD_INPUT and _IMAGE, else NULL. */
const float *td_exec_backward(td_exec *exec, float *dweights);

/* Bytes of all its memory. */
size_t td_exec_bytes(const td_exec *exec);

#endif
