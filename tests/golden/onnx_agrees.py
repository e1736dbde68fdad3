# SPDX-License-Identifier: MIT
"""onnx_agrees.py FILE.onnx RAW COUNT OUT.npy: what ONNX Runtime says of COUNT images, raw bytes in the
order height, width, channels, of a file that onnx.checker accepts."""
import sys

import numpy as np
import onnx
import onnxruntime

path, raw, count, out = sys.argv[1:]
model = onnx.load(path)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
entry = session.get_inputs()[0]
channels, height, width = entry.shape[1:]
pixels = np.fromfile(raw, np.uint8).reshape(int(count), height, width, channels)
images = pixels.transpose(0, 3, 1, 2).astype(np.float32)
# More than one size of batch.
parts = [session.run(None, {entry.name: part})[0] for part in (images[:1], images[1:])]
np.save(out, np.concatenate(parts))
