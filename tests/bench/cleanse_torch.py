#!/usr/bin/env python3
"""The step of Neural Cleanse's search in PyTorch, for comparison with trapdoor-defend cleanse.

cleanse_torch.py [STEPS [THREADS]]: the cnn of the zoo on 28x28 grey images, batches of 128; prints
milliseconds a step, by the clock and of the processor. The forward and backward pass, the mask, the pattern and Adam are those of
tools/defend/inspect/cleanse_search.c; neither loop confirms masks.
"""
import sys
import time

import torch
from torch import nn

STEPS, THREADS = (int(a) for a in (sys.argv[1:] + ["50", "2"][len(sys.argv) - 1:]))
torch.set_num_threads(THREADS)
torch.manual_seed(1)
net = nn.Sequential(
    nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1024, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(),
    nn.Linear(200, 10))
for parameter in net.parameters():
    parameter.requires_grad_(False)
images = torch.randint(0, 256, (128, 1, 28, 28)).float()
target = torch.zeros(128, dtype=torch.long)
mask = torch.zeros(1, 1, 28, 28, requires_grad=True)
pattern = torch.zeros(1, 1, 28, 28, requires_grad=True)
adam = torch.optim.Adam([mask, pattern], lr=0.1, betas=(0.5, 0.9))


def step():
    m, p = (mask.tanh() + 1) / 2, 255 * (pattern.tanh() + 1) / 2
    logits = net(((1 - m) * images + m * p) / 255)
    loss = nn.functional.cross_entropy(logits, target) + 1e-3 * m.sum()
    adam.zero_grad()
    loss.backward()
    adam.step()
    return (logits.argmax(1) == target).sum().item()


for _ in range(5):
    step()
times, used = [], time.process_time()
for _ in range(STEPS):
    began = time.perf_counter()
    step()
    times.append(time.perf_counter() - began)
used = (time.process_time() - used) / STEPS
times.sort()
print(f"{1000 * times[len(times) // 2]:.1f} ms a step (median), {1000 * times[0]:.1f} (least), "
      f"{1000 * used:.1f} of the processor, {THREADS} threads")
