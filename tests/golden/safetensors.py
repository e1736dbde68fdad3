# SPDX-License-Identifier: MIT
"""Reads and writes safetensors files, as far as these tests need it."""
import json
import struct

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8"), "I32": np.dtype("<i4"),
          "U8": np.dtype("u1")}


def read(path):
    """Returns ({name: array}, {key: text}); the arrays are copies."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        body = data[8 + length + begin:8 + length + end]
        tensors[name] = np.frombuffer(body, DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return tensors, metadata


def write(path, tensors, metadata):
    """Writes arrays {name: array}, int64 as they are and others as float32, and metadata
    {key: text}; with no metadata, none."""
    header = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    bodies = []
    offset = 0
    for name, values in sorted(tensors.items(), key=lambda item: (item[1].dtype != "i8", item[0])):
        dtype = "I64" if values.dtype == "i8" else "F32"
        bodies.append(np.ascontiguousarray(values, DTYPES[dtype]).tobytes())
        header[name] = {"dtype": dtype, "shape": list(values.shape),
                        "data_offsets": [offset, offset + len(bodies[-1])]}
        offset += len(bodies[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for body in bodies:
            file.write(body)
