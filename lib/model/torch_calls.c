/* SPDX-License-Identifier: MIT */
/* The functions called by pickles in PyTorch's files, and their results. */
#include "model/torch.h"

static const td_pickle_function functions[] = {
    {"collections OrderedDict", TD_PICKLE_MAP},
    {"torch._utils _rebuild_tensor", TD_PICKLE_KEPT},
    {"torch._utils _rebuild_tensor_v2", TD_PICKLE_KEPT},
    {"torch._utils _rebuild_tensor_v3", TD_PICKLE_KEPT},
    {"torch._utils _rebuild_qtensor", TD_PICKLE_KEPT},
    {"torch._utils _rebuild_sparse_tensor", TD_PICKLE_KEPT},
    {"torch._utils _rebuild_meta_tensor_no_storage", TD_PICKLE_KEPT},
    {"torch._utils _rebuild_parameter", TD_PICKLE_FIRST},
    {"torch.nn.parameter Parameter", TD_PICKLE_FIRST},
    {"__builtin__ set", TD_PICKLE_SET_OF},
    {"builtins set", TD_PICKLE_SET_OF},
    {"_codecs encode", TD_PICKLE_NOTHING},
    {"numpy dtype", TD_PICKLE_NOTHING},
    {"numpy.core.multiarray scalar", TD_PICKLE_NOTHING},
    {"numpy._core.multiarray scalar", TD_PICKLE_NOTHING},
    {"numpy.core.multiarray _reconstruct", TD_PICKLE_NOTHING},
    {"numpy._core.multiarray _reconstruct", TD_PICKLE_NOTHING},
    {"pathlib PosixPath", TD_PICKLE_NOTHING},
    {"pathlib WindowsPath", TD_PICKLE_NOTHING},
    {"torch Size", TD_PICKLE_NOTHING},
    {"torch device", TD_PICKLE_NOTHING},
    {"torch.serialization _get_layout", TD_PICKLE_NOTHING},
    {"torch.jit._pickle build_intlist", TD_PICKLE_NOTHING},
    {"torch.jit._pickle build_doublelist", TD_PICKLE_NOTHING},
    {"torch.jit._pickle build_boollist", TD_PICKLE_NOTHING},
    {"torch.jit._pickle build_tensorlist", TD_PICKLE_NOTHING},
    {"torch.jit._pickle restore_type_tag", TD_PICKLE_FIRST},
    {0},
};

const td_pickle_user td_torch_pickles = {"model", functions};
