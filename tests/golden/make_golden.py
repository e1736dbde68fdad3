#!/usr/bin/python3 -B
"""make_golden.py [NET ...]: writes NET.safetensors beside this script, PyTorch's results for
test_golden.c. Of every gradient it holds the norm, the largest magnitude and the inner product with
made values ("NAME.sums"), and the values at made places ("NAME.values")."""
import pathlib
import sys

import numpy as np
import torch

import gradients
import made
import safetensors
import twins


def prepared(name, seed):
    model = twins.build(name).train()
    made.fill_weights(model, seed)
    return model


def summary(seed, name, gradient):
    flat = gradient.numpy().ravel()
    exact = flat.astype(np.float64)
    inner = exact @ made.signed(seed, f"{name} inner", flat.size)
    sums = np.array([np.sqrt(exact @ exact), np.abs(flat).max(), inner], np.float32)
    return {f"{name}.sums": sums, f"{name}.values": flat[made.places(seed, name, flat.size)]}


def make(name):
    seed, margin = gradients.best_seed(name, lambda seed: prepared(name, seed))
    logits, loss, all_gradients = gradients.run(prepared(name, seed),
                                                *gradients.made_batch(name, seed))
    tensors = {"logits": logits.numpy(), "loss": np.array([loss], np.float32)}
    for key, gradient in all_gradients.items():
        tensors.update(summary(seed, key, gradient))
    path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
    safetensors.write(path, tensors, {"net": name, "seed": str(seed), "torch": torch.__version__})
    print(f"{path}: seed {seed}, nearest kink {margin:.1e}, loss {loss:.4f}, "
          f"{path.stat().st_size} bytes")


for wanted in sys.argv[1:] or twins.NETS:
    make(wanted)
