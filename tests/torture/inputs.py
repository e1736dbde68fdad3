# SPDX-License-Identifier: MIT
"""The inputs of the scenarios: small sets in every layout, a small net, models and records."""

import gzip
import io
import json
import os
import random
import shutil
import struct
import subprocess
import zipfile
import zlib

SIDE = 12
CLASSES = 4
TRIGGER = "square:size=2,at=bottom-right,value=255"

NET = """input = image() height=height width=width channels=channels
unit = scale(input) by=1/255
conv1 = conv(unit) out=4 kernel=3
relu1 = relu(conv1)
pool1 = max-pool(relu1) size=2
flat = flatten(pool1)
fc1 = dense(flat) out=16
relu2 = relu(fc1)
fc2 = dense(relu2) out=classes
"""

# The same with two convolutions and their batch norms, for repairs that need them.
NORM_NET = NET.replace("out=4 kernel=3", "out=12 kernel=3").replace(
    "relu1 = relu(conv1)",
    "bn1 = batch-norm(conv1)\nrelu0 = relu(bn1)\n"
    "conv2 = conv(relu0) out=12 kernel=3 pad=1\nbn2 = batch-norm(conv2)\nrelu1 = relu(bn2)",
)

# Small settings, for models that only serve as controls.
QUICK_SEARCH = ["--inverted", "2", "--inversion-steps", "2", "--steps", "2"]


# The controls in `numbers`; the inputs lie in a folder `in`.
CONTROLS = ["trapdoor-defend", "controls", "--net", "../in/tiny.net", "--data", "../in/set.safetensors", "--clean",
            "../in/test.safetensors::0-60", "--epochs", "1", "--count", "3", "--recipes", "one"]  # fmt: skip


def image(number, channels=1, side=SIDE):
    """An image of class number % CLASSES: one quarter of it is bright."""
    noise = random.Random(number)
    label = number % CLASSES
    pixels = bytearray()
    for y in range(side):
        for x in range(side):
            bright = (y >= side // 2) * 2 + (x >= side // 2) == label
            for _ in range(channels):
                pixels.append(noise.randrange(150, 250) if bright else noise.randrange(0, 80))
    return bytes(pixels)


def safetensors(tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def image_set(first, count):
    numbers = range(first, first + count)
    return safetensors(
        {
            "images": ("U8", [count, SIDE, SIDE, 1], b"".join(image(i) for i in numbers)),
            "labels": ("U8", [count], bytes(i % CLASSES for i in numbers)),
        },
        {"classes": str(CLASSES), "class_names": json.dumps(["north", "east", "south", "west"])},
    )


def png(width, height, pixels):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def ppm(pixels, side=SIDE):
    return b"P6\n%d %d\n255\n" % (side, side) + pixels


def npy(descr, shape, content):
    head = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + content


GTSRB = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"


class Folder:
    """Writes files below a folder."""

    def __init__(self, path):
        self.path = path

    def write(self, name, content):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())


# The net for the weights that PyTorch saved.
TORCH_NET = """input = image() height=6 width=6 channels=1
conv = conv(input) out=2 kernel=3 bias=0
bn = batch-norm(conv)
relu = relu(bn)
flat = flatten(relu)
fc = dense(flat) out=3
"""


def npz(arrays):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in arrays.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return archive.getvalue()


def write_layouts(folder, corpus):
    """Small sets in the layouts of published ones."""
    grey = b"".join(image(i) for i in range(8))
    labels = bytes(i % CLASSES for i in range(8))
    for split in "train", "t10k":
        folder.write(
            f"idx/{split}-images-idx3-ubyte.gz",
            gzip.compress(struct.pack(">IIII", 0x803, 8, SIDE, SIDE) + grey, mtime=0),
        )
        folder.write(f"idx/{split}-labels-idx1-ubyte", struct.pack(">II", 0x801, 8) + labels)
    batch = b"".join(bytes([i]) + bytes(1024) + bytes([i]) * 2048 for i in range(3))
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        folder.write(f"cifar/{name}.bin", batch)
    folder.write("cifar/batches.meta.txt", "\n".join(f"class{i}" for i in range(10)) + "\n")
    for number in range(2):
        rows = GTSRB
        for i in range(3):
            folder.write(f"gtsrb/Final_Training/Images/{number:05}/{i:05}.ppm", ppm(image(i, 3)))
            rows += f"{i:05}.ppm;{SIDE};{SIDE};1;1;10;10;{number}\n"
        folder.write(f"gtsrb/Final_Training/Images/{number:05}/GT-{number:05}.csv", rows)
    for i in range(3):
        folder.write(f"pictures/cat/{i}.png", png(SIDE, SIDE, image(i)))
        folder.write(f"pictures/dog/{i}.pgm", b"P5\n%d %d\n255\n" % (SIDE, SIDE) + image(i + 1))
    shutil.copy(os.path.join(corpus, "jpeg", "seed-rgb"), os.path.join(folder.path, "pictures/dog/3.jpg"))
    folder.write("npy/images.npy", npy("|u1", (8, SIDE, SIDE), grey))
    folder.write("npy/labels.npy", npy("|u1", (8,), labels))
    folder.write(
        "set.npz",
        npz({"images.npy": npy("|u1", (8, SIDE, SIDE), grey), "labels.npy": npy("|u1", (8,), labels)}),
    )
    rows = "picture,label\n"
    for i in range(4):
        folder.write(f"index/images/{i}.png", png(SIDE, SIDE, image(i)))
        rows += f"images/{i}.png,{'cat' if i % 2 else 'dog'}\n"
    folder.write("index/labels.csv", rows)
    for split in "train", "test":
        folder.write(f"stl10/{split}_X.bin", bytes(2 * 3 * 96 * 96))
        folder.write(f"stl10/{split}_y.bin", bytes([1, 10]))


def write_digits(folder):
    """Ten classes of 28x28 images, where recipes look for MNIST, in TRAPDOOR_DATA."""
    for split, count in ("train", 120), ("t10k", 40):
        pixels = b"".join(bytes([20 * (i % 10) + i % 7]) * 784 for i in range(count))
        folder.write(f"data/mnist/{split}-images-idx3-ubyte", struct.pack(">IIII", 0x803, count, 28, 28) + pixels)
        folder.write(
            f"data/mnist/{split}-labels-idx1-ubyte",
            struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)),
        )


def run(folder, *words):
    subprocess.run(words, cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def train(folder, data, model, *more, net="tiny.net"):
    os.makedirs(os.path.dirname(os.path.join(folder, model)) or ".", exist_ok=True)
    run(folder, "trapdoor-train", "-q", "--data", data, "--net", net, "--epochs", "3",
        "--batch", "20", "--lr", "0.01", "--threads", "1", "-o", model, *more)  # fmt: skip


EXPECT = {
    "paper": "Nobody, \"Nothing\"",
    "choices": ["none"],
    "tables": [
        {
            "title": "Rates",
            "unit": "%",
            "records": "eval.json",
            "better": "larger",
            "plot": {"x": "none", "y": "share (%)"},
            "rows": [
                {"name": "accuracy", "paper": "90", "value": "models[0].accuracy", "series": "a", "x": 1},
                {"name": "ASR", "paper": None, "value": "models[0].triggers[0].asr"},
            ],
        }
    ],
}


def write_board(folder):
    """Records of a repair, a detector and a filter, for attacks and clean models."""

    def record(name, **fields):
        common = {"tool": "trapdoor-defend", "version": "0", "options": {}, "inputs": [], "outputs": [],
                  "timing": {"seconds": 3, "image_passes": {"forward": 700, "backward": 50}}}  # fmt: skip
        folder.write(f"board/{name}.json", json.dumps(common | fields))

    for place, asr in ("square/1", 1.0), ("square/2", 0.9), ("clean/1", 0.1):
        after = {"accuracy": 0.8, "triggers": [{"asr": asr / 2, "ra": 0.5, "der": 0.7}]}
        record(f"{place}/none", models=[{"accuracy": 0.9, "triggers": [{"asr": asr, "ra": 0.1}]}])
        record(f"{place}/mends", test={"before": {"accuracy": 0.9}, "after": after})
        record(f"{place}/looks", auroc=0.8, files=[{"kind": "suspect", "flagged_count": [9, 10], "f1": 0.8}])
        record(f"{place}/picks", suspects=[1, 2], classes=[{"images": 40}])


def make(path, corpus):
    """Makes all of them in a folder. The tools come first in PATH."""
    folder = Folder(path)
    folder.write("tiny.net", NET)
    folder.write("norm.net", NORM_NET)
    folder.write("set.safetensors", image_set(0, 80))
    folder.write("test.safetensors", image_set(1000, 120))
    folder.write("mask.png", png(SIDE, SIDE, bytes([255]) * 40 + bytes(SIDE * SIDE - 40)))
    write_layouts(folder, corpus)
    write_digits(folder)
    write_board(folder)
    train(path, "set.safetensors", "m.safetensors")
    train(path, "set.safetensors", "n.safetensors", "--seed", "2")
    run(path, "trapdoor-poison", "dirty-label", "-q", "--data", "set.safetensors", "--trigger", TRIGGER,
        "--target", "3", "--ratio", "0.25", "-o", "poisoned")  # fmt: skip
    run(path, "trapdoor-poison", "stamp", "-q", "--data", "test.safetensors:test:60-120", "--trigger", TRIGGER,
        "-o", "stamped")  # fmt: skip
    os.makedirs(os.path.join(path, "models/clean"))
    os.makedirs(os.path.join(path, "models/backdoored"))
    shutil.copy(os.path.join(path, "m.safetensors"), os.path.join(path, "models/clean/one.safetensors"))
    train(path, "poisoned/poisoned.safetensors", "models/backdoored/square.safetensors")
    train(path, "poisoned/poisoned.safetensors", "norm.safetensors", net="norm.net")
    os.makedirs(os.path.join(path, "several"))
    for model in "m.safetensors", "n.safetensors", "models/backdoored/square.safetensors":
        shutil.copy(os.path.join(path, model), os.path.join(path, "several"))
    shutil.copy(
        os.path.join(path, "poisoned/manifest.json"),
        os.path.join(path, "models/backdoored/square.manifest.json"),
    )
    run(path, "trapdoor-defend", "rates", "deepinspect", "-q", "--models", "models", "-o", "controls",
        *QUICK_SEARCH)  # fmt: skip
    run(path, *CONTROLS, "-q", "-o", "numbers")
    folder.write("torch.net", TORCH_NET)
    shutil.copy(os.path.join(corpus, "../../golden/torch/state_dict.pth"), os.path.join(path, "state.pth"))
    os.makedirs(os.path.join(path, "records"))
    run(path, "trapdoor-eval", "-q", "--model", "m.safetensors", "--data", "test.safetensors", "--manifest",
        "poisoned/manifest.json", "--json", "records/eval.json")  # fmt: skip
    run(path, "trapdoor-train", "-q", "--data", "set.safetensors", "--net", "tiny.net", "--epochs", "2", "-o",
        "records/t.safetensors", "--json", "records/train.json")  # fmt: skip
    folder.write("expect.json", json.dumps(EXPECT))
