#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""PyTorch's word on a trained model, loaded into the twin by its parameters' names.

torch_agrees.py seed NET MODEL                       prints the seed and batch for dump_gradients
torch_agrees.py gradients NET MODEL MODE SEED DUMP   compares every value of dump_gradients' file
torch_agrees.py scores NET MODEL RECORD ...          compares records of trapdoor-eval --scores
torch_agrees.py train NET MODEL OUT                  trains it on; OUT gets a bare state_dict
"""
import gzip
import json
import sys

import numpy as np
import torch

import gradients
import safetensors
import twins

TOLERANCE = 1e-4


STEPS = 3


def load(name, path):
    model = twins.build(name)
    state = safetensors.read(path)[0]
    model.load_state_dict({key: torch.from_numpy(values) for key, values in state.items()})
    return model


def relative(ours, theirs):
    theirs = np.asarray(theirs, np.float64)
    return np.abs(np.asarray(ours, np.float64) - theirs).max() / np.abs(theirs).max()


def judge(errors):
    """Prints {what: relative error}; exits with 1 unless all are small."""
    for what, error in errors.items():
        print(f"{what}: relative error {error:.1e}")
    if not all(error <= TOLERANCE for error in errors.values()):
        sys.exit(f"expected at most {TOLERANCE}")


def seed(name, path):
    model = load(name, path)
    best, _ = gradients.best_seed(name, lambda _: model)
    print(best, twins.NETS[name].golden.batch)


def compare_gradients(name, path, mode, made_seed, dump):
    model = gradients.in_mode(load(name, path), mode)
    theirs = gradients.run(model, *gradients.made_batch(name, int(made_seed)))
    del theirs["loss"]
    ours, _ = safetensors.read(dump)
    if ours.keys() != theirs.keys():
        sys.exit(f"{dump}: expected {sorted(theirs)}, found {sorted(ours)}")
    judge({key: relative(ours[key], theirs[key].numpy()) for key in theirs})


def train(name, path, out):
    model = load(name, path).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for step in range(STEPS):
        images, labels = gradients.made_batch(name, step)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(twins.nchw(images)), labels).backward()
        optimizer.step()
    safetensors.write(out, {key: values.numpy() for key, values in model.state_dict().items()}, {})


def read_idx(path):
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        data = file.read()
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, -1, 4 + 4 * rank).reshape(shape)


def read_data(record):
    """The images, NHWC, and labels named in a record of trapdoor-eval; IDX files."""
    paths = [entry["path"] for entry in record["inputs"]]
    images, labels = (read_idx(next(path for path in paths if f"{kind}-idx" in path))
                      for kind in ("images", "labels"))
    begin, end = map(int, record["options"]["data"].split(":")[2].split("-"))
    chosen = torch.from_numpy(images[begin:end].astype(np.float32))
    return chosen.unsqueeze(3), labels[begin:end]


def compare_scores(name, path, *records):
    model = load(name, path).eval()
    errors = {}
    for record_path in records:
        with open(record_path, encoding="utf-8") as file:
            record = json.load(file)
        images, labels = read_data(record)
        with torch.no_grad():
            logits = model(twins.nchw(images)).numpy()
        result, image = record["models"][0], record["options"]["scores"]
        hits = int((logits.argmax(1) == labels).sum())
        if result["accuracy_count"] != [hits, len(labels)]:
            sys.exit(f"{record_path}: right {result['accuracy_count']}, by PyTorch {hits}")
        errors[f"logits of image {image}"] = relative(result["scores"], logits[image])
    print(f"accuracy: {hits} of {len(labels)} by both")
    judge(errors)


COMMANDS = {"seed": seed, "gradients": compare_gradients, "scores": compare_scores, "train": train}
COMMANDS[sys.argv[1]](*sys.argv[2:])
