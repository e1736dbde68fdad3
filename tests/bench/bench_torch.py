#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The twin of bench_train on PyTorch: speed and memory of training or of inference on made images;
a line of JSON for each turn. With --export FOLDER the net as ONNX instead, with images and the
logits of the first batch, for bench_onnx.py."""
import argparse
import inspect
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "golden")]

import numpy as np
import torch

import made
import pace
import twins
from sizes import SIZES

LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def make_batches(options):
    size, batches = SIZES[options.net], []
    for seed in range(pace.BATCHES):
        images = made.images(seed, options.batch, size.height, size.width, size.channels)
        images = twins.nchw(images).contiguous(memory_format=LAYOUTS[options.layout])
        batches.append((images, made.labels(seed, options.batch, twins.CLASSES)))
    return batches


def adam(model):
    """In one pass over the parameters, if this PyTorch supports it."""
    try:
        return torch.optim.Adam(model.parameters(), fused=True)
    except (RuntimeError, TypeError):
        return torch.optim.Adam(model.parameters())


def trainer(model, compiled):
    optimizer = adam(model)
    criterion = torch.nn.CrossEntropyLoss()
    model.train()
    forward = torch.compile(model) if compiled else model

    def step(images, labels):
        optimizer.zero_grad(set_to_none=True)
        criterion(forward(images), labels).backward()
        optimizer.step()
    return step


def predictor(model, compiled):
    model.eval()
    forward = model
    if compiled:
        from torch._inductor import config  # weights as constants: folded and laid out once
        config.freezing = True
        forward = torch.compile(model)

    def step(images, _):
        with torch.inference_mode():
            return forward(images)
    return step


def export(model, batches, folder):
    images = [images.numpy() for images, _ in batches]
    logits = predictor(model, False)(*batches[0]).numpy()
    np.savez(folder / "images.npz", *images, logits=logits)
    # The exporter without further dependencies, if this PyTorch has two.
    older = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(model, (batches[0][0],), str(folder / "net.onnx"), input_names=["images"],
                      output_names=["logits"], **older)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=SIZES, default="cnn")
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--layout", choices=LAYOUTS, default="nchw")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    parser.add_argument("--export", type=pathlib.Path, metavar="FOLDER")
    pace.add_options(parser)
    options = parser.parse_args()

    base = pace.peak_memory()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    batches = make_batches(options)
    model = twins.build(options.net, SIZES[options.net])
    model = model.to(memory_format=LAYOUTS[options.layout])
    if options.export:
        export(model, batches, options.export)
        return
    make = trainer if options.mode == "train" else predictor
    pace.run(make(model, options.compile), batches, options,
             {"net": options.net, "mode": options.mode, "base_mib": base})


main()
