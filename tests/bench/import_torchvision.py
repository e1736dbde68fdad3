#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""import_torchvision.py FOLDER: what `trapdoor-data import FOLDER --size 32x32` does, by torchvision's
ImageFolder and a DataLoader with two worker processes."""
import sys
import time

import torch
from torchvision import datasets, transforms

SIDE = 32


def main():
    pixels = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.PILToTensor()])
    began = time.monotonic()
    folder = datasets.ImageFolder(sys.argv[1], pixels)
    images = torch.empty((len(folder), 3, SIDE, SIDE), dtype=torch.uint8)
    at = 0
    for batch, _ in torch.utils.data.DataLoader(folder, batch_size=128, num_workers=2):
        images[at:at + len(batch)] = batch
        at += len(batch)
    print("%d pictures, %.1f seconds" % (at, time.monotonic() - began))


if __name__ == "__main__":
    main()
