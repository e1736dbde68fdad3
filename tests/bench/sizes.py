# SPDX-License-Identifier: MIT
"""What each net of the zoo is measured on: the height, width and channels of the images, and how
many make a batch. SMALL as in meson.build; LARGE needs torchvision."""
import collections

Size = collections.namedtuple("Size", "height width channels batch")

SMALL = {
    "cnn": Size(28, 28, 1, 128),
    "cnn-bn": Size(28, 28, 1, 64),
    "lenet5": Size(32, 32, 3, 64),
    "vgg16": Size(32, 32, 3, 64),
    "resnet18": Size(32, 32, 3, 64),
    "resnet34": Size(32, 32, 3, 64),
    "resnet34-small": Size(32, 32, 3, 64),
    "preact-resnet18": Size(32, 32, 3, 64),
}

LARGE = {
    "resnet18-large": Size(224, 224, 3, 32),
    "mobilenet-v2": Size(224, 224, 3, 32),
    "vgg16-bn-large": Size(224, 224, 3, 32),
}

SIZES = {**SMALL, **LARGE}
