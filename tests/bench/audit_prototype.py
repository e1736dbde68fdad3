# SPDX-License-Identifier: MIT
"""The searches of a screening in PyTorch, for steps_torch.py: all classes in one batch, the same
images, steps and sizes of a batch as trapdoor-defend's universal, mask, windows and waves, gradients
with respect to the image alone."""
import math

import torch
from torch.nn import functional

SIDE, CLASSES = 28, 10
PER_STEP = 10  # images of a step, for each class
TRIALS = 26  # windows of a batch, each on IMAGES
IMAGES = 20
WAVES = 52  # of a batch, each on PER_STEP images


def images_like(count):
    return torch.randint(0, 256, (count, 1, SIDE, SIDE), dtype=torch.uint8).float()


def margins(logits, goals):
    """Of the goals' logits over the largest others."""
    others = logits.scatter(1, goals[:, None], -math.inf).amax(1)
    return logits.gather(1, goals[:, None])[:, 0] - others


def universal(net):
    """A step of ten changes in a ball of the L2 norm, one for each class, on ten images each."""
    net.requires_grad_(False)
    images, labels = images_like(PER_STEP).repeat(CLASSES, 1, 1, 1), torch.arange(PER_STEP)
    goals = torch.arange(CLASSES).repeat_interleave(PER_STEP)
    counted = goals != labels.repeat(CLASSES)
    state = {"change": torch.zeros(CLASSES, 1, SIDE, SIDE),
             "velocity": torch.zeros(CLASSES, 1, SIDE, SIDE)}
    scale, radius, speed = 8.0, 510.0, 0.35

    def step():
        change = state["change"].requires_grad_(True)
        shown = (images + change.repeat_interleave(PER_STEP, 0)).clamp(0, 255)
        value = (margins(net(shown), goals) / scale).clamp(max=0.5)[counted].sum()
        slope, = torch.autograd.grad(value, change)
        with torch.no_grad():
            slope /= slope.norm(dim=(2, 3), keepdim=True).clamp(min=1e-12)
            velocity = state["velocity"] = 0.8 * state["velocity"] + slope
            change = change + radius * speed * velocity / velocity.norm(
                dim=(2, 3), keepdim=True).clamp(min=1e-12)
            size = change.norm(dim=(2, 3), keepdim=True).clamp(min=1e-12)
            state["change"] = (change * (radius / size).clamp(max=1)).detach()
    return step


def mask(net):
    """A step of ten masks and patterns, one for each class, on ten images each."""
    net.requires_grad_(False)
    images, labels = images_like(PER_STEP).repeat(CLASSES, 1, 1, 1), torch.arange(PER_STEP)
    goals = torch.arange(CLASSES).repeat_interleave(PER_STEP)
    counted = (goals != labels.repeat(CLASSES)).float()
    size = torch.full((CLASSES, 1, SIDE, SIDE), -2.0, requires_grad=True)
    pattern = (0.25 * torch.randn(CLASSES, 1, SIDE, SIDE)).requires_grad_(True)
    adam = torch.optim.Adam([size, pattern], lr=0.3, betas=(0.5, 0.9))
    state = {"cost": torch.full((CLASSES,), 1e-3), "success": torch.zeros(CLASSES)}

    def step():
        m, p = torch.sigmoid(size), 255 * torch.sigmoid(pattern)
        m10, p10 = m.repeat_interleave(PER_STEP, 0), p.repeat_interleave(PER_STEP, 0)
        logits = net(images + m10 * (p10 - images))
        loss = functional.cross_entropy(logits, goals, reduction="none") * counted / (PER_STEP - 1)
        adam.zero_grad()
        (loss.sum() + (state["cost"] * m.sum((1, 2, 3))).sum()).backward()
        adam.step()
        hits = ((logits.argmax(1) == goals) * counted).view(CLASSES, PER_STEP).sum(1)
        state["success"] = 0.7 * state["success"] + 0.3 * hits / (PER_STEP - 1)
        state["cost"] = (state["cost"] * torch.where(state["success"] >= 0.88, 1.25, 0.8)).clamp(
            1e-5, 1)
    return step


def windows(net):
    """A batch of 26 windows of 5x5 pixels, each on twenty images: the margins of all classes."""
    images, fill = images_like(IMAGES), images_like(1)[:, :, :5, :5]
    best = torch.full((IMAGES // 2, CLASSES), -math.inf)
    goals = torch.arange(CLASSES)

    def step():
        with torch.inference_mode():
            shown = images.repeat(TRIALS, 1, 1, 1).view(TRIALS, IMAGES, 1, SIDE, SIDE)
            for trial in range(TRIALS):
                y, x = divmod(trial * 19, SIDE - 5)
                shown[trial, :, :, y:y + 5, x:x + 5] = fill
            logits = net(shown.view(-1, 1, SIDE, SIDE))
            wide = logits.repeat_interleave(CLASSES, 0)
            values = (margins(wide, goals.repeat(len(logits))) / 8.0).clamp(-3, 1)
            of_class = values.view(TRIALS, IMAGES // 2, 2, CLASSES).mean(2)
            torch.maximum(best, of_class.amax(0), out=best)
    return step


def waves(net):
    """A batch of 52 plane waves, each on ten images: the mean probability of each class."""
    images = images_like(PER_STEP)
    turn = 2 * math.pi * torch.arange(SIDE) / SIDE
    others = 1 - torch.eye(CLASSES)
    best = torch.zeros(CLASSES)

    def step():
        with torch.inference_mode():
            u, v = torch.randint(1, 9, (2, WAVES, 1, 1, 1, 1))
            wave = 60 * torch.sin(u * turn + v * turn[:, None])
            shown = (images + wave).clamp(0, 255).view(-1, 1, SIDE, SIDE)
            p = functional.softmax(net(shown), 1).view(WAVES, PER_STEP, CLASSES)
            torch.maximum(best, ((p * others).sum(1) / (PER_STEP - 1)).amax(0), out=best)
    return step
