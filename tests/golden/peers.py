# SPDX-License-Identifier: MIT
"""torchvision, only for measuring. PEERS may name a folder with packages that contains it."""
import functools
import os
import sys


@functools.cache
def torchvision():
    """Its operators in C++ are not needed, and of another release of PyTorch they may not load:
    their names are there already, then."""
    import torch

    sys.path.append(os.environ.get("PEERS", "."))
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision as module

    module.names = library  # which live as long as it does
    return module
