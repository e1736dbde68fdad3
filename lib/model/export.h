/* SPDX-License-Identifier: MIT */
/* Models as other programs read them. */
#ifndef TD_MODEL_EXPORT_H
#define TD_MODEL_EXPORT_H

#include "base/error.h"
#include "nn/net.h"
#include <stdio.h>

/* Writes the model as ONNX (opset 17): an input of raw pixels 0–255, N×C×H×W, for any N, and the
 * logits, N×classes. Values are called as the nodes, and weights as the parameters are.
 * TD_ERR_USAGE, with the node, for one that ONNX cannot have, and for more than the 2 GiB of a
 * file. */
td_status td_export_onnx(FILE *out, const td_net *net, const float *weights,
                         const char *const *class_names, td_error *error) TD_MUST_USE;

/* Writes the parameters alone as safetensors, as torch's load_state_dict takes them: a counter
 * num_batches_tracked beside each batch norm's statistics, and masks left out. */
td_status td_export_state_dict(FILE *out, const td_net *net, const float *weights,
                               td_error *error) TD_MUST_USE;

#endif
