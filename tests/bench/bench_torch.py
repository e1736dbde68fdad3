#!/usr/bin/python3 -B
"""The twin of bench_train on PyTorch: speed and memory of training or of inference on made images;
prints one line of JSON."""
import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))

import torch

import made
import twins

WARM_UP = 3  # steps that are not timed
BATCHES = 4  # made beforehand, and taken in turn
LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def peak_memory():
    """Most memory that the process has had, in MiB; getrusage's would begin with the parent's."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def make_batches(bench, size, layout):
    batches = []
    for seed in range(BATCHES):
        images = twins.nchw(made.images(seed, size, bench.height, bench.width, bench.channels))
        images = images.contiguous(memory_format=LAYOUTS[layout])
        batches.append((images, made.labels(seed, size, twins.CLASSES)))
    return batches


def trainer(model):
    optimizer = torch.optim.Adam(model.parameters())
    criterion = torch.nn.CrossEntropyLoss()
    model.train()

    def step(images, labels):
        optimizer.zero_grad(set_to_none=True)
        criterion(model(images), labels).backward()
        optimizer.step()
    return step


def predictor(model):
    model.eval()

    def step(images, _):
        with torch.inference_mode():
            model(images)
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=twins.NETS, default="cnn")
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--layout", choices=LAYOUTS, default="nchw")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()

    base = peak_memory()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    bench = twins.NETS[options.net].bench
    batches = make_batches(bench, options.batch, options.layout)
    model = twins.build(options.net, bench).to(memory_format=LAYOUTS[options.layout])
    step = (trainer if options.mode == "train" else predictor)(model)
    seconds = []
    for number in range(WARM_UP + options.steps):
        start = time.perf_counter()
        step(*batches[number % BATCHES])
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "net": options.net, "mode": options.mode, "layout": options.layout,
        "batch": options.batch, "threads": options.threads,
        "images_per_second": options.batch / statistics.median(seconds[WARM_UP:]),
        "peak_mib": peak_memory(), "base_mib": base, "torch": torch.__version__}))


main()
