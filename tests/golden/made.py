# SPDX-License-Identifier: MIT
"""Weights, images and labels from a formula: the twin of made.h, bit for bit."""
import math

import numpy as np
import torch


def hashes(seed, name, count):
    """made_hash for the indices 0 … count−1."""
    stream = 2166136261
    for byte in name.encode():
        stream = (stream ^ byte) * 16777619 & 0xFFFFFFFF
    stream = stream + seed * 0x85EBCA6B & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(stream)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def signed(seed, name, count):
    """Uniform in [−1, 1), float32."""
    k = (hashes(seed, name, count) >> np.uint32(8)).astype(np.int64)
    return ((k - (1 << 23)) / (1 << 23)).astype(np.float32)


def fill_weights(model, seed, norm_bias):
    """He-uniform for weights, a tenth around the usual value for the rest. Biases of batch norms
    get norm_bias added in even channels and subtracted in odd ones, which keeps most of what ReLU
    takes away from 0, sums of residual blocks as well."""
    with torch.no_grad():
        for prefix, module in model.named_modules():
            norm = isinstance(module, torch.nn.BatchNorm2d)
            for suffix, tensor in module.state_dict(keep_vars=True).items():
                if "." in suffix or not tensor.is_floating_point():
                    continue
                values = signed(seed, f"{prefix}.{suffix}", tensor.numel())
                if tensor.dim() > 1:
                    values = np.float32(math.sqrt(6 / tensor[0].numel())) * values
                else:
                    fill = norm and suffix in ("weight", "running_var")
                    values = np.float32(fill) + np.float32(0.1) * values
                    if norm and suffix == "bias":
                        values[0::2] += np.float32(norm_bias)
                        values[1::2] -= np.float32(norm_bias)
                tensor.copy_(torch.from_numpy(values).view(tensor.shape))


def images(seed, batch, height, width, channels):
    """Raw pixels 0–255, float32 NHWC."""
    pixels = hashes(seed, "images", batch * height * width * channels) >> np.uint32(24)
    return torch.from_numpy(pixels.astype(np.float32)).view(batch, height, width, channels)


def labels(seed, batch, classes):
    return torch.from_numpy((hashes(seed, "labels", batch) % np.uint32(classes)).astype(np.int64))


SAMPLES = 32  # of a tensor with more values, so many are compared one by one


def places(seed, name, count):
    """The indices of the values to compare individually."""
    if count <= SAMPLES:
        return np.arange(count)
    return (hashes(seed, f"{name} places", SAMPLES) % np.uint32(count)).astype(np.int64)
