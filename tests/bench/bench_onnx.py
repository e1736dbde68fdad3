#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The twin of bench_train's inference on ONNX Runtime or OpenVINO, of a net that bench_torch.py
--export wrote to FOLDER; a line of JSON for each turn. Fails when its logits are not PyTorch's."""
import argparse
import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import numpy as np

import pace

TOLERANCE = 1e-3  # of the largest logit; bfloat16 is far off


def onnxruntime_step(onnxruntime, path, options, _):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]


def openvino_step(openvino, path, options, batch):
    """Splits the batch into a part per stream; the parts run in parallel."""
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([batch[0] // options.streams, *batch[1:]])
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": options.streams,
        "INFERENCE_PRECISION_HINT": "f32"})
    requests = [compiled.create_infer_request() for _ in range(options.streams)]

    def step(images):
        for request, part in zip(requests, np.split(images, options.streams)):
            request.start_async([part], share_inputs=True)
        for request in requests:
            request.wait()
        return np.concatenate([request.get_output_tensor().data for request in requests])
    return step


STEPS = {"onnxruntime": onnxruntime_step, "openvino": openvino_step}


def check(logits, theirs):
    error = np.abs(logits - theirs).max() / np.abs(theirs).max()
    if not error <= TOLERANCE:
        sys.exit(f"its logits are not PyTorch's: relative error {error:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--runtime", choices=STEPS, required=True)
    parser.add_argument("--streams", type=int, default=1, help="of OpenVINO (1)")
    pace.add_options(parser)
    options = parser.parse_args()

    runtime = importlib.import_module(options.runtime)
    base = pace.peak_memory()
    with np.load(options.folder / "images.npz") as arrays:
        batches = [(arrays[f"arr_{i}"],) for i in range(pace.BATCHES)]
        theirs = arrays["logits"]
    path = str(options.folder / "net.onnx")
    step = STEPS[options.runtime](runtime, path, options, batches[0][0].shape)
    check(step(*batches[0]), theirs)
    pace.run(step, batches, options, {"mode": "infer", "base_mib": base})


main()
