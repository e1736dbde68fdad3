#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""make_golden.py [NET ...]: writes NET.safetensors beside this script, PyTorch's results for
test_golden.c, computed in float64. For MODE of "train" (batch norms use the batch's statistics) and
"infer" it holds "MODE/logits", "MODE/loss", and "MODE/NAME" of each gradient: the norm, the largest
magnitude and the inner product with made values, then the values at made places. "train/NAME" of a
running statistic holds the same of its values after the pass. The metadata holds the largest
relative errors that PyTorch itself makes in float32."""
import pathlib
import sys

import numpy as np
import torch

import gradients
import made
import safetensors
import twins


def prepared(name, seed):
    model = twins.build(name)
    made.fill_weights(model, seed, twins.NETS[name].golden.norm_bias)
    return model


def summary(seed, name, values):
    flat = values.numpy().ravel()
    inner = flat @ made.signed(seed, f"{name} inner", flat.size).astype(np.float64)
    return np.array([np.sqrt(flat @ flat), np.abs(flat).max(), inner,
                     *flat[made.places(seed, name, flat.size)]], np.float32)


def running(model):
    """The running statistics."""
    return {name: values.to(torch.float64) for name, values in model.named_buffers()
            if values.is_floating_point()}


def results(name, seed, mode, dtype):
    model = gradients.in_mode(prepared(name, seed), mode, dtype)
    values = gradients.run(model, *gradients.made_batch(name, seed))
    return {**values, **running(model)} if mode == "train" else values


def make(name):
    seed, margin = gradients.best_seed(name, lambda seed: prepared(name, seed))
    tensors = {}
    metadata = {"net": name, "seed": str(seed), "torch": torch.__version__}
    for mode in gradients.MODES:
        exact = results(name, seed, mode, torch.float64)
        error = gradients.errors(results(name, seed, mode, torch.float32), exact)
        worst = max(error, key=error.get)
        metadata[f"{mode} float32 error"] = f"{error[worst]:.1e}"
        print(f"{name}, {mode}: loss {exact['loss']:.4f}, PyTorch's own largest error "
              f"{error[worst]:.1e}, of {worst}")
        for key, values in exact.items():
            whole = key in ("logits", "loss")
            tensors[f"{mode}/{key}"] = values.numpy() if whole else summary(seed, key, values)
    path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
    safetensors.write(path, tensors, metadata)
    print(f"{path}: seed {seed}, nearest kink {margin:.1e}, {path.stat().st_size} bytes")


for wanted in sys.argv[1:] or twins.NETS:
    make(wanted)
