#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""make_torch_files.py: writes torch/ beside this script, one small net as PyTorch's programs save it,
for test_torch.c. Element i of a parameter or buffer is (i % 7 − 3) / 8 (of running_var: 1 more), which
every float type holds exactly."""
import argparse
import os
import pathlib

import numpy as np
import torch
import torch._sources
import torch.serialization
from torch import nn

folder = pathlib.Path(__file__).with_name("torch")
find_source = torch._sources.get_source_lines_and_file


def source_of(thing, *rest):
    """Like the original, without file paths, and with little of their text."""
    lines, first, path = find_source(thing, *rest)
    return lines, first, os.path.basename(path)


torch._sources.get_source_lines_and_file = source_of
torch.serialization.get_source_lines_and_file = lambda thing, *rest: (
    [f"class {thing.__name__}:\n"], 1, "net.py")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(2)
        self.fc = nn.Linear(2 * 4 * 4, 3)
        self.register_buffer("scratch", torch.ones(1), persistent=False)

    def forward(self, x):
        return self.fc(torch.relu(self.bn(self.conv(x))).flatten(1))


def filled():
    net = Net().eval()
    with torch.no_grad():
        for name, values in net.state_dict().items():
            if values.is_floating_point():
                made = (torch.arange(values.numel()) % 7 - 3) / 8 + name.endswith("running_var")
                values.copy_(made.reshape(values.shape))
    return net


def views(state):
    """The same values with other strides: transposed, sliced, expanded, and two in one storage."""
    state = dict(state)
    state["fc.weight"] = state["fc.weight"].t().contiguous().t()
    state["conv.weight"] = torch.cat([torch.zeros(1, 1, 3, 3), state["conv.weight"]])[1:]
    both = torch.cat([state["bn.weight"], state["bn.bias"]])
    state["bn.weight"], state["bn.bias"] = both[:2], both[2:]
    state["conv.weight"] = state["conv.weight"].contiguous(memory_format=torch.channels_last)
    return state


def save(name, value, **options):
    torch.save(value, folder / name, **options)


folder.mkdir(exist_ok=True)
net = filled()
state = net.state_dict()
save("state_dict.pth", state)
save("protocol4.pth", state, pickle_protocol=4)
save("legacy.pth", state, _use_new_zipfile_serialization=False)
save("views.pth", views(state))
save("half.pth", {name: values.half() if values.is_floating_point() else values for name, values in state.items()})
save("bfloat16.pth", {name: values.bfloat16() if values.is_floating_point() else values for name, values in state.items()})
save("double.pth", {name: values.double() if values.is_floating_point() else values for name, values in state.items()})
optimizer = torch.optim.Adam(net.parameters())
net(torch.ones(1, 1, 6, 6)).sum().backward()
optimizer.step()
net = filled()
state = net.state_dict()
checkpoint = {
    "epoch": 3,
    "state_dict": nn.DataParallel(net).state_dict(),
    "optimizer": optimizer.state_dict(),
    "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs")),
    "best": np.float64(0.5),
}
checkpoint["args"].out = "runs"
save("checkpoint.pth", checkpoint)
save("compiled.pth", {"model": {"_orig_mod." + name: values for name, values in state.items()}})
save("module.pth", net)
save("module_legacy.pth", net, _use_new_zipfile_serialization=False)
save("wrapped_module.pth", {"model": nn.DataParallel(net), "epoch": 1})
torch.jit.script(net).save(str(folder / "script.pt"))
net.fc.weight.data = views(state)["fc.weight"]
program = torch.export.export(net, (torch.ones(1, 1, 6, 6),))
for node in program.graph.nodes:
    node.meta.pop("stack_trace", None)
torch.export.save(program, folder / "exported.pt2")
save("quantised.pth", {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)})
