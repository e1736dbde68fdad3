/* SPDX-License-Identifier: MIT */
/* The functions of ONNX node types, for the table in onnx_ops.c. */
#ifndef TD_MODEL_ONNX_MAPS_H
#define TD_MODEL_ONNX_MAPS_H

#include "model/onnx_build.h"

#define TD_ONNX_MAP(name)                                                                          \
    td_status td_onnx_map_##name(td_onnx_build *b, td_onnx_step *step, td_error *error) TD_MUST_USE

/* onnx_windows.c */
TD_ONNX_MAP(conv);
TD_ONNX_MAP(max_pool);
TD_ONNX_MAP(average_pool);
TD_ONNX_MAP(global_max_pool);
TD_ONNX_MAP(global_average_pool);
TD_ONNX_MAP(reduce_mean);
TD_ONNX_MAP(gather_nd);

/* onnx_resize.c */
TD_ONNX_MAP(resize);

/* onnx_dense.c */
TD_ONNX_MAP(gemm);
TD_ONNX_MAP(matmul);
TD_ONNX_MAP(batch_norm);

/* onnx_activations.c */
TD_ONNX_MAP(activation);
TD_ONNX_MAP(gelu);
TD_ONNX_MAP(clip);
TD_ONNX_MAP(softmax);
TD_ONNX_MAP(layer_norm);
TD_ONNX_MAP(instance_norm);
TD_ONNX_MAP(prelu);
TD_ONNX_MAP(min);
TD_ONNX_MAP(max);
TD_ONNX_MAP(lrn);

/* onnx_elementwise.c */
TD_ONNX_MAP(add);
TD_ONNX_MAP(sub);
TD_ONNX_MAP(mul);
TD_ONNX_MAP(div);

/* onnx_shapes.c */
TD_ONNX_MAP(same);
TD_ONNX_MAP(reshape);
TD_ONNX_MAP(flatten);
TD_ONNX_MAP(transpose);
TD_ONNX_MAP(squeeze);
TD_ONNX_MAP(unsqueeze);
TD_ONNX_MAP(slice);
TD_ONNX_MAP(split);
TD_ONNX_MAP(gather);
TD_ONNX_MAP(concat);
TD_ONNX_MAP(pad);

#endif
