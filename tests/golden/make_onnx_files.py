#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/onnx: small ONNX files as several exporters write them, and logits.txt with
what ONNX Runtime makes of one image. Needs the packages onnx and onnxruntime.

The image has 6 x 6 pixels of 3 channels, of which number i, row after row, is 37 i modulo 256; the
graphs are given it from 0 to 1, but for those whose constants show that they expect bytes."""
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).resolve().parent / "onnx"
SIDE, CHANNELS, CLASSES = 6, 3, 3
PIXELS = (np.arange(SIDE * SIDE * CHANNELS) * 37 % 256).astype(np.float32).reshape(SIDE, SIDE, -1)


class Graph:
    """A chain of nodes with weights from a seed."""

    def __init__(self, dims=(1, CHANNELS, SIDE, SIDE), opset=17, ir=8, bytes_=False, nhwc=False):
        self.nodes, self.tensors, self.at = [], [], "image"
        self.dims, self.opset, self.ir, self.bytes, self.nhwc = dims, opset, ir, bytes_, nhwc
        self.random = np.random.default_rng(5)

    def weight(self, name, *shape, low=-0.5, high=0.5, kind=np.float32):
        self.tensor(name, self.random.uniform(low, high, shape).astype(kind))
        return name

    def tensor(self, name, values, dtype=np.float32):
        self.tensors.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, name, *values):
        return self.tensor(name, values, np.int64)

    def add(self, op, *inputs, out=None, outs=None, name=None, **attributes):
        """A node whose inputs are the last output, then `inputs`."""
        return self.free(op, self.at, *inputs, out=out, outs=outs, name=name, **attributes)

    def free(self, op, *inputs, out=None, outs=None, name=None, **attributes):
        outs = outs or [out or f"{op.lower()}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(op, list(inputs), outs, name=name or "", **attributes))
        self.at = outs[0]
        return self.at

    def conv(self, name, inputs, out, kernel=3, pad=1, **attributes):
        groups = attributes.get("group", 1)
        return self.add("Conv", self.weight(f"{name}.weight", out, inputs // groups, kernel, kernel),
                        self.weight(f"{name}.bias", out), out=f"{name}_out",
                        pads=[pad] * 4, **attributes)

    def head(self, channels):
        self.add("GlobalAveragePool")
        self.add("Flatten")
        self.add("Gemm", self.weight("fc.weight", CLASSES, channels), self.weight("fc.bias", CLASSES),
                 out="logits", transB=1)
        return self

    def model(self, inputs_too=False, constants=False):
        if constants:
            made = [helper.make_node("Constant", [], [t.name], value=t) for t in self.tensors]
            self.nodes, self.tensors = made + self.nodes, []
        inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, self.dims)]
        if inputs_too:
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims)
                       for t in self.tensors]
        outputs = [helper.make_tensor_value_info(self.at, TensorProto.FLOAT, [1, CLASSES])]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.tensors)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                 ir_version=self.ir, producer_name="test")
        onnx.checker.check_model(made)
        return made


def plain():
    """An old file: its initialisers are also inputs of the graph."""
    g = Graph(opset=7, ir=3)
    g.conv("features.0", CHANNELS, 4)
    g.add("Relu")
    g.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    g.add("Dropout", outs=["dropped"])
    g.ints("shape", 1, 36)
    g.add("Reshape", "shape")
    g.add("Gemm", g.weight("classifier.weight", 36, CLASSES), g.weight("classifier.bias", CLASSES))
    return g, {"inputs_too": True}


def batch_norm():
    """A norm that is not folded, numbers shared through Identity, and a softmax at the end."""
    g = Graph()
    g.conv("conv1", CHANNELS, 4, strides=[2, 2])
    kept = g.at
    g.weight("bn.weight", 4, low=0.5, high=1.5)
    g.weight("bn.bias", 4)
    g.free("Identity", "bn.bias", out="mean")
    g.at = kept
    g.weight("bn.running_var", 4, low=0.5, high=1.5)
    g.add("BatchNormalization", "bn.weight", "bn.bias", "mean", "bn.running_var", epsilon=1e-3)
    g.add("LeakyRelu", alpha=0.2, name="/act/LeakyRelu", out="/act/LeakyRelu_output_0")
    g.add("Add", kept)
    g.head(4)
    g.add("Softmax", axis=1)
    return g, {}


def paddle():
    """All weights are Constant nodes, sizes are dynamic, hard-swish is decomposed."""
    g = Graph(dims=("N", CHANNELS, "H", "W"), opset=11, ir=7)
    g.add("Conv", g.weight("conv_w", 4, CHANNELS, 3, 3), pads=[1, 1, 1, 1], strides=[2, 1])
    conv = g.at
    g.tensor("three", 3)
    g.tensor("zero", 0)
    g.tensor("six", 6)
    g.add("Add", "three")
    g.add("Clip", "zero", "six")
    g.add("Mul", conv)
    g.add("Div", "six")
    x = g.at
    g.add("GlobalAveragePool")
    g.add("Conv", g.weight("se_w", 4, 4, 1, 1))
    g.ints("row", 1, 4, 1, 1)
    squeezed = g.at
    g.free("Reshape", g.weight("se_b", 4), "row", out="se_bias")
    g.free("Add", squeezed, "se_bias")
    g.add("HardSigmoid", alpha=0.2)
    g.free("Mul", x, g.at)
    g.add("GlobalAveragePool")
    pooled = g.at
    g.free("Shape", pooled, out="sizes")
    g.free("Slice", "sizes", g.ints("start", 0), g.ints("end", 1), out="count")
    g.free("Concat", "count", g.ints("rest", -1), axis=0, out="flat")
    g.free("Reshape", pooled, "flat")
    g.add("MatMul", g.weight("fc_w", 4, CLASSES))
    g.add("Add", g.weight("fc_b", CLASSES))
    g.add("Softmax", axis=1)
    g.add("Identity")
    return g, {"constants": True}


def tensorflow():
    """Channels-last images, windows padded only at the end."""
    g = Graph(dims=(1, SIDE, SIDE, CHANNELS), opset=9, ir=4, nhwc=True)
    g.add("Transpose", perm=[0, 3, 1, 2])
    g.add("Conv", g.weight("conv_w", 4, CHANNELS, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    g.add("Relu")
    g.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    g.add("Transpose", perm=[0, 2, 3, 1])
    g.add("ReduceMean", axes=[1, 2], keepdims=0)
    g.add("MatMul", g.weight("kernel", 4, CLASSES))
    g.add("Add", g.weight("bias", CLASSES))
    g.add("Softmax")
    return g, {}


def dtypes():
    """All storage forms of a tensor's numbers, and casts."""
    g = Graph()
    for i, (kind, way) in enumerate([(TensorProto.FLOAT16, "raw"), (TensorProto.BFLOAT16, "raw"),
                                     (TensorProto.DOUBLE, "list"), (TensorProto.FLOAT, "list"),
                                     (TensorProto.FLOAT16, "list")]):
        values = g.random.uniform(-0.5, 0.5, (CHANNELS, CHANNELS, 1, 1)).astype(np.float32)
        name = f"conv{i}.weight"
        if way == "list":
            listed = helper.make_tensor(name + ".stored", kind, values.shape, values.ravel())
        else:
            stored = numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(kind)))
            listed = TensorProto(name=name + ".stored", data_type=kind, dims=values.shape,
                                 raw_data=stored.raw_data)
        g.tensors.append(listed)
        before = g.at
        g.free("Cast", name + ".stored", out=name, to=TensorProto.FLOAT)
        g.free("Conv", before, name, out=f"y{i}")
    return g.head(CHANNELS), {}


def shuffle():
    """Channels in groups, with static and computed shapes."""
    g = Graph()
    g.conv("conv", CHANNELS, 8)
    x = g.at
    g.ints("five", 1, 2, 4, SIDE, SIDE)
    g.add("Reshape", "five")
    g.add("Transpose", perm=[0, 2, 1, 3, 4])
    turned = g.at
    g.free("Shape", x, out="sizes")
    g.free("Gather", "sizes", g.tensor("one", 1, np.int64), out="channels")
    g.free("Unsqueeze", "channels", g.ints("zero", 0), out="row")
    g.free("Concat", g.ints("n", 1), "row", g.ints("side", SIDE, SIDE), axis=0, out="four")
    g.free("Reshape", turned, "four")
    g.add("Split", g.ints("halves", 4, 4), outs=["left", "right"], axis=1)
    g.free("Conv", "right", g.weight("dw.weight", 4, 1, 3, 3), group=4, pads=[1] * 4)
    g.free("Concat", g.at, "left", axis=1)
    return g.head(8), {}


def normalised():
    """Pixels of 0 to 255, scaled to the net's range by the graph."""
    g = Graph(bytes_=True)
    g.add("Sub", g.tensor("mean", np.array([123.675, 116.28, 103.53]).reshape(1, 3, 1, 1)))
    g.add("Div", g.tensor("std", np.array([58.395, 57.12, 57.375]).reshape(1, 3, 1, 1)))
    g.conv("conv", CHANNELS, 4)
    g.add("Relu")
    return g.head(4), {}


def normalised_units():
    """The same for pixels from 0 to 1."""
    g = Graph()
    g.add("Sub", g.tensor("mean", np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)))
    g.add("Mul", g.tensor("factor", np.array([4.4, 4.5, 4.6]).reshape(3, 1, 1)))
    g.conv("conv", CHANNELS, 4)
    return g.head(4), {}


def attention():
    """A transformer's block, with the two forms of gelu."""
    tokens, width, heads = 9, 8, 2
    g = Graph(opset=20, ir=10)
    g.add("Conv", g.weight("patch.weight", width, CHANNELS, 2, 2), g.weight("patch.bias", width),
          strides=[2, 2])
    g.add("Reshape", g.ints("list", 1, width, tokens))
    g.add("Transpose", perm=[0, 2, 1])
    g.free("Concat", g.weight("token", 1, 1, width), g.at, axis=1)
    x = g.add("Add", g.weight("position", 1, tokens + 1, width))
    g.add("LayerNormalization", g.weight("norm.weight", width), g.weight("norm.bias", width), axis=-1)
    g.add("MatMul", g.weight("qkv", width, 3 * width))
    g.add("Add", g.weight("attn.bias", 3 * width))
    g.add("Reshape", g.ints("split", 1, tokens + 1, 3, heads, width // heads))
    g.add("Transpose", perm=[2, 0, 3, 1, 4])
    g.add("Split", outs=["q", "k", "v"], axis=0, num_outputs=3)
    zero = g.ints("zero", 0)
    for part in "qkv":
        g.free("Squeeze", part, zero, out=f"{part}_")
    g.free("Transpose", "k_", perm=[0, 1, 3, 2])
    g.free("MatMul", "q_", g.at)
    g.add("Mul", g.tensor("scale", 0.5))
    g.add("Softmax", axis=-1)
    g.add("MatMul", "v_")
    g.add("Transpose", perm=[0, 2, 1, 3])
    g.add("Reshape", g.ints("joined", 1, tokens + 1, width))
    x = g.add("Add", x)
    g.add("Gelu")
    y = g.at
    g.add("Div", g.tensor("root", 2 ** 0.5))
    g.add("Erf")
    g.add("Add", g.tensor("unit", 1))
    g.add("Mul", y)
    g.add("Mul", g.tensor("half", 0.5))
    g.add("Add", x)
    g.add("Gather", g.tensor("first", 0, np.int64), axis=1)
    g.add("Gemm", g.weight("head.weight", CLASSES, width), g.weight("head.bias", CLASSES), transB=1)
    return g, {}


def pieces():
    """Every second row and column, pads, ceil_mode, silu, a mean without GlobalAveragePool."""
    g = Graph()
    g.add("Pad", g.ints("pads", 0, 0, 0, 0, 0, 0, 2, 2))
    padded = g.at
    halves = []
    for i in range(2):
        g.free("Slice", padded, g.ints(f"start{i}", i, i), g.ints(f"end{i}", 99, 99),
               g.ints(f"axes{i}", 2, 3), g.ints(f"steps{i}", 2, 2))
        halves.append(g.at)
    g.free("Concat", *halves, axis=1)
    x = g.conv("conv", 2 * CHANNELS, 6, pad=0, kernel=1)
    g.add("Sigmoid")
    g.add("Mul", x)
    g.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    g.add("PRelu", g.weight("slope", 6, 1, 1, low=0, high=0.5))
    g.add("Tanh")
    g.add("Sum", g.at, g.at)
    g.add("ReduceMean", axes=[-1, -2], keepdims=0)
    g.free("Sub", g.weight("from", 6), g.at)
    g.add("Gemm", g.weight("fc.weight", CLASSES, 6), transB=1)
    return g, {}


def adaptive():
    """An adaptive pool as PyTorch's newer exporter writes it."""
    g = Graph(opset=20, ir=10)
    g.conv("conv", CHANNELS, 4, strides=[3, 3])
    index = np.zeros((4, 1, 4, 1, 2), np.int64)
    for i in range(4):
        index[i, ..., 0] = i * 2 // 4
        index[:, :, i, :, 1] = i * 2 // 4
    g.add("Transpose", perm=[2, 3, 0, 1])
    g.add("GatherND", g.tensor("index", index, np.int64))
    g.add("Transpose", perm=[4, 5, 0, 1, 2, 3])
    g.add("ReduceMean", g.ints("axes", -3, -1), keepdims=0)
    g.add("Reshape", g.ints("flat", 1, 64), allowzero=1)
    g.add("Gemm", g.weight("fc.weight", CLASSES, 64), g.weight("fc.bias", CLASSES), transB=1)
    return g, {}


def resize():
    """Each form of Resize that PyTorch's interpolate uses."""
    g = Graph(opset=18)
    half = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    g.conv("conv", CHANNELS, 4)
    g.add("Resize", "", "", g.ints("large", 1, 4, 9, 5), **half)
    g.conv("conv2", 4, 4)
    g.add("Resize", "", "", g.ints("corners", 1, 4, 7, 12), mode="linear",
          coordinate_transformation_mode="align_corners")
    g.add("Resize", "", "", g.ints("small", 5, 4), axes=[2, 3], antialias=1, exclude_outside=1, **half)
    g.add("Resize", "", g.tensor("double", [1, 1, 2, 2]))
    g.conv("conv3", 4, 4)
    g.add("Resize", "", "", g.ints("near", 1, 4, 3, 11), mode="nearest", nearest_mode="floor",
          coordinate_transformation_mode="asymmetric")
    g.add("Resize", "", "", g.ints("exact", 1, 4, 4, 3), mode="nearest", nearest_mode="round_prefer_ceil")
    g.add("Flatten")
    g.add("Gemm", g.weight("fc.weight", CLASSES, 48), g.weight("fc.bias", CLASSES), transB=1)
    return g, {}


def upsample():
    """Resize by its older name."""
    g = Graph(opset=9, ir=4)
    g.conv("conv", CHANNELS, 4, strides=[2, 2])
    g.add("Upsample", g.tensor("scales", [1, 1, 3, 2]), mode="nearest")
    g.conv("conv2", 4, 4)
    g.add("Relu")
    return g.head(4), {}


def bounds():
    """Min and Max with a constant on either side, of one number or one per channel."""
    g = Graph()
    g.conv("conv", CHANNELS, 4)
    g.add("Min", g.weight("cap", 4, 1, 1))
    g.free("Max", g.tensor("floor", -0.25), g.at)
    g.conv("conv2", 4, 4)
    g.free("Min", g.weight("cap2", 1, 4, 1, 1), g.at)
    g.add("Min", g.tensor("ceiling", [0.4]))
    return g.head(4), {}


def external():
    """Weights in a file beside it."""
    g = Graph()
    g.conv("conv", CHANNELS, 4)
    g.add("Relu")
    return g.head(4), {}


CASES = {"plain": plain, "batch-norm": batch_norm, "paddle": paddle, "tensorflow": tensorflow,
         "dtypes": dtypes, "shuffle": shuffle, "normalised": normalised,
         "normalised-units": normalised_units, "attention": attention, "pieces": pieces,
         "adaptive": adaptive, "resize": resize, "upsample": upsample,
         "bounds": bounds, "external": external}


def logits(path, graph):
    image = PIXELS if graph.bytes else PIXELS / 255
    image = image[None] if graph.nhwc else image.transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"image": np.ascontiguousarray(image)})[0].ravel()
    ends = any(node.op_type == "Softmax" and i + 2 >= len(graph.nodes)
               for i, node in enumerate(graph.nodes))
    return ("log", np.log(outputs)) if ends else ("raw", outputs)


def main():
    FOLDER.mkdir(exist_ok=True)
    lines = []
    for name, build in CASES.items():
        graph, how = build()
        path = FOLDER / f"{name}.onnx"
        model = graph.model(**how)
        data = {"location": "external.onnx.data", "size_threshold": 0} if name == "external" else None
        (FOLDER / "external.onnx.data").unlink(missing_ok=True) if data else None
        onnx.save(model, str(path), save_as_external_data=bool(data), **(data or {}))
        kind, values = logits(path, graph)
        lines.append(" ".join([name, kind] + [f"{value:.9g}" for value in values]))
    (FOLDER / "logits.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
