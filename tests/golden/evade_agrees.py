#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""PyTorch's word on the sets that trapdoor-evade writes: the same attacks, computed here from the
model's weights in float64.

evade_agrees.py METHOD NET MODEL CLEAN ADVERSARIAL
"""
import sys

import numpy as np
import torch
from torch import nn

import safetensors
import twins

EPSILON, STEPS, STEP_SIZE = 0.3, 10, 0.06
ITERATIONS, RATE, CONSTANT = 40, 0.05, 10.0


def load(name, path):
    model = twins.build(name)
    state = safetensors.read(path)[0]
    model.load_state_dict({key: torch.from_numpy(values) for key, values in state.items()})
    return model.eval().to(torch.float64)


def signed_gradient(model, images, labels):
    """The gradient of the loss with respect to the images, divided by its largest value."""
    images = images.clone().requires_grad_()
    nn.functional.cross_entropy(model(twins.nchw(images)), labels, reduction="sum").backward()
    flat = images.grad.flatten(1)
    return (flat / flat.abs().amax(1, keepdim=True)).view_as(images)


def ascend(model, clean, labels, steps, step):
    """The images, and a mask of the values whose gradient sign was always certain."""
    x = clean.clone()
    sure = torch.ones_like(x, dtype=torch.bool)
    for _ in range(steps):
        gradient = signed_gradient(model, x, labels)
        sure &= (gradient.abs() > 1e-4) | (gradient == 0)
        x = x + 255 * step * gradient.sign()
        x = torch.max(torch.min(x, clean + 255 * EPSILON), clean - 255 * EPSILON).clamp(0, 255)
    change = (x - clean).round().clamp(-np.floor(255 * EPSILON), np.floor(255 * EPSILON))
    return clean + change, sure


def carlini_wagner(model, clean, labels):
    """Untargeted, with one constant: the distance of each image's nearest success. An image whose
    loss has not fallen over a tenth of the iterations is finished."""
    w = torch.atanh((2 * clean / 255 - 1) * 0.999999).requires_grad_()
    adam = torch.optim.Adam([w], RATE)
    best = torch.full((len(clean),), torch.inf, dtype=clean.dtype)
    live = torch.ones(len(clean), dtype=torch.bool)
    checked = torch.full_like(best, torch.inf)
    own = nn.functional.one_hot(labels, twins.CLASSES).bool()
    for iteration in range(1, ITERATIONS + 1):
        x = 255 * (torch.tanh(w) + 1) / 2
        shown = x + (x.round() - x).detach()
        logits = model(twins.nchw(shown))
        gap = logits[own] - logits.masked_fill(own, -torch.inf).amax(1)
        squares = (x - clean).div(255).square().flatten(1).sum(1)
        shown_squares = (shown.detach() - clean).div(255).square().flatten(1).sum(1)
        nearer = live & (gap < 0) & (shown_squares < best)
        best[nearer] = shown_squares[nearer]
        losses = squares + CONSTANT * gap.clamp(min=0)
        if iteration % (ITERATIONS // 10) == 0:
            live &= losses.detach() <= 0.9999 * checked
            checked = losses.detach()
        adam.zero_grad()
        losses.sum().backward()
        adam.step()
    return best.sqrt()


def judge_ascent(ours, theirs, sure):
    """A step may end so near to a kink of the net that rounding decides on which side: then all later
    gradients of that image differ. Of ten steps through 50,000 ReLUs that befalls some images in a
    hundred, more in some builds than in others; a wrong sign, step or bound makes nearly all differ."""
    wrong = ((ours != theirs) & sure).flatten(1).any(1)
    share = sure.double().mean().item()
    print(f"{wrong.sum().item()} of {len(ours)} images differ, {100 * share:.2f} % of values are sure")
    if wrong.double().mean() > 0.15 or share < 0.95:
        sys.exit("expected the same values wherever the gradient's sign is sure")


def judge_distances(ours, clean, theirs):
    mine = (ours - clean).div(255).square().flatten(1).sum(1).sqrt()
    both = torch.isfinite(theirs)
    errors = ((mine - theirs) / theirs)[both].abs()
    print(f"{both.sum().item()} of {len(both)} succeed, the median distance is "
          f"{theirs[both].median().item():.3f}, the largest relative error {errors.max().item():.1e}")
    if both.sum() < 0.9 * len(both) or (mine[~both] != 0).any() or errors.max() > 0.02:
        sys.exit("expected nearly all to succeed, at the same distances")


def main(method, net, model_path, clean_path, path):
    model = load(net, model_path)
    tensors = safetensors.read(clean_path)[0]
    clean = torch.from_numpy(tensors["images"]).double()
    labels = torch.from_numpy(tensors["labels"].astype(np.int64))
    ours = torch.from_numpy(safetensors.read(path)[0]["images"]).double()
    right = model(twins.nchw(clean)).argmax(1) == labels
    if (ours[~right] != clean[~right]).any():
        sys.exit("expected images that are not classified correctly to be left alone")
    clean, labels, ours = clean[right], labels[right], ours[right]
    if method == "cw-l2":
        judge_distances(ours, clean, carlini_wagner(model, clean, labels))
    else:
        steps, step = (1, EPSILON) if method == "fgsm" else (STEPS, STEP_SIZE)
        judge_ascent(ours, *ascend(model, clean, labels, steps, step))


main(*sys.argv[1:])
