/* SPDX-License-Identifier: MIT */
/* Exports models for other programs. */
#ifndef TD_MODEL_EXPORT_H
#define TD_MODEL_EXPORT_H

#include "base/error.h"
#include "nn/net.h"
#include <stdio.h>

/* Writes the model as ONNX (opset 17): an input of raw pixels 0–255, N×C×H×W, for any N, and the
 * logits, N×classes. Values are named after nodes, and weights after parameters. TD_ERR_USAGE,
 * naming the node, for one that ONNX cannot express, and for a file above 2 GiB. */
td_status td_export_onnx(FILE *out, const td_net *net, const float *weights,
                         const char *const *class_names, td_error *error) TD_MUST_USE;

/* Writes only the parameters, as safetensors that torch's load_state_dict accepts: adds a counter
 * num_batches_tracked to each batch norm's statistics, and leaves masks out. */
td_status td_export_state_dict(FILE *out, const td_net *net, const float *weights,
                               td_error *error) TD_MUST_USE;

#endif
