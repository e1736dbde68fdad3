# SPDX-License-Identifier: MIT
"""torchvision, only for measuring. PEERS may name a folder with packages that contains it."""
import functools
import os
import sys


@functools.cache
def torchvision():
    """Its operators in C++ are not needed. If they do not load, being of another release than
    PyTorch, it is imported with their names alone."""
    import torch

    sys.path.append(os.environ.get("PEERS", "."))
    try:
        import torchvision as module
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision as module

        module.names = library  # which live as long as it does
    return module
