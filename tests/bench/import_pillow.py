#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""import_pillow.py FOLDER [draft]: what `trapdoor-data import FOLDER --size 32x32` does, by Pillow in
two worker processes: every .jpg decoded, made RGB and resized (bilinear) into one array. `draft`
lets libjpeg shrink pictures as it decodes, which gives other pixels."""
import multiprocessing
import pathlib
import sys
import time

import numpy
from PIL import Image

SIDE = 32


def load(job):
    path, draft = job
    with open(path, "rb") as file:
        picture = Image.open(file)
        if draft:
            picture.draft("RGB", (SIDE, SIDE))
        return numpy.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.BILINEAR))


def main():
    draft = sys.argv[2:] == ["draft"]
    files = [(str(path), draft) for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.jpg"))]
    began = time.monotonic()
    images = numpy.empty((len(files), SIDE, SIDE, 3), numpy.uint8)
    with multiprocessing.Pool(2) as pool:
        for i, image in enumerate(pool.imap(load, files, chunksize=64)):
            images[i] = image
    print("%d pictures, %.1f seconds" % (len(files), time.monotonic() - began))


if __name__ == "__main__":
    main()
