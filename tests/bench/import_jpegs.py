#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""import_jpegs.py FOLDER [N]: N JPEG (50,000) of 256×256 pixels and some 20 KB in ten class folders,
for import_pillow.py: a coarse and a fine random texture in every channel, quality 85."""
import multiprocessing
import pathlib
import sys

import numpy
from PIL import Image

SIDE = 256


def texture(random, cells, amplitude):
    values = random.normal(0, amplitude, (cells, cells, 3))
    values = numpy.clip(values + 128, 0, 255).astype(numpy.uint8)
    enlarged = Image.fromarray(values).resize((SIDE, SIDE), Image.BICUBIC)
    return numpy.asarray(enlarged, numpy.float32) - 128


def save(job):
    folder, number = job
    random = numpy.random.default_rng(number)
    pixels = 128 + texture(random, 8, 50) + texture(random, 100, 16)
    name = folder / ("class%d" % (number % 10)) / ("%05d.jpg" % number)
    Image.fromarray(numpy.clip(pixels, 0, 255).astype(numpy.uint8)).save(name, quality=85)


def main():
    folder = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 50000
    for label in range(10):
        (folder / ("class%d" % label)).mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool() as pool:
        for _ in pool.imap_unordered(save, ((folder, i) for i in range(count)), chunksize=64):
            pass


if __name__ == "__main__":
    main()
