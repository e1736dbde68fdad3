#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The core of an attack or a defence in PyTorch, on the cnn of the zoo with the weights of MODEL and
made images of 28x28 pixels: what compare_steps holds the tools' own against. Prints one line of
JSON: the seconds of an item (the median of several rounds), and what that is."""
import argparse
import collections
import json
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "golden")]

import torch
from torch import nn
from torch.nn import functional

import audit_prototype
import safetensors
import twins

SIDE, CLASSES = 28, 10
Step = collections.namedtuple("Step", "unit items rounds make")


def load(path):
    tensors, _ = safetensors.read(path)
    net = twins.build("cnn")
    net.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return net.eval()


def bytes_like(count):
    return torch.randint(0, 256, (count, 1, SIDE, SIDE), dtype=torch.uint8)


def strip(net):
    """An input with 100 overlays: the mean entropy of the answers; five inputs per batch."""
    inputs, overlays = bytes_like(5), bytes_like(1000)

    def step():
        with torch.inference_mode():
            drawn = overlays[torch.randint(0, 1000, (5, 100))].float()
            p = functional.softmax(net((inputs.float()[:, None] + drawn).flatten(0, 1)), 1)
            return -torch.special.xlogy(p, p).sum(1).reshape(5, 100).mean(1)
    return step


def median(images, side):
    before = (side - 1) // 2
    padded = functional.pad(images, (before, side // 2, before, side // 2), mode="reflect")
    return functional.unfold(padded, side).median(1).values.reshape(images.shape)


def squeeze(net):
    """256 images: the answer without, with 1 bit, and after the 2x2 median; the largest distance."""
    images = bytes_like(256)

    def step():
        with torch.inference_mode():
            x = images.float()
            plain = functional.softmax(net(x), 1)
            return torch.stack([(functional.softmax(net(y), 1) - plain).abs().sum(1)
                                for y in (255 * torch.round(x / 255), median(x, 2))]).amax(0)
    return step


def cleanse(net):
    """A step of the search for a mask and a pattern, 128 images."""
    images, target = bytes_like(128).float(), torch.zeros(128, dtype=torch.long)
    mask, pattern = (torch.zeros(1, 1, SIDE, SIDE, requires_grad=True) for _ in range(2))
    adam = torch.optim.Adam([mask, pattern], lr=0.1, betas=(0.5, 0.9))

    def step():
        m, p = (mask.tanh() + 1) / 2, 255 * (pattern.tanh() + 1) / 2
        logits = net((1 - m) * images + m * p)
        adam.zero_grad()
        (functional.cross_entropy(logits, target) + 1e-3 * m.sum()).backward()
        adam.step()
        return (logits.argmax(1) == target).sum().item()
    return step


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(32 + CLASSES, 64, 7), nn.BatchNorm2d(64), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 5, 2, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 5, 2, 2, 1), nn.Tanh())

    def forward(self, targets):
        one_hot = functional.one_hot(targets, CLASSES).float()
        z = torch.cat([torch.randn(len(targets), 32), one_hot], 1)
        return self.layers(z[:, :, None, None])


def deepinspect(net):
    """25 steps of the generator in batches of 64, then a judgement of the triggers of all classes,
    16 of each on 128 images, as trapdoor-defend does."""
    images, generator = bytes_like(160).float(), Generator()
    adam = torch.optim.Adam(generator.parameters(), lr=0.005)

    def one():
        targets = torch.randint(0, CLASSES, (64,))
        change = generator(targets)
        x = images[torch.randint(0, 160, (64,))]
        logits = net((x + 255 * change).clamp(0, 255))
        right = functional.softmax(logits, 1).gather(1, targets[:, None])
        loss = (functional.cross_entropy(logits, targets) + ((1 - right) ** 2).mean() +
                0.02 * change.abs().sum((1, 2, 3)).mean())
        adam.zero_grad()
        loss.backward()
        adam.step()

    def step():
        generator.train()
        for _ in range(25):
            one()
        generator.eval()
        with torch.inference_mode():
            for target in range(CLASSES):
                change = (255 * generator(torch.full((16,), target))).round().repeat(8, 1, 1, 1)
                (net((images[:128] + change).clamp(0, 255)).argmax(1) == target).sum().item()
    return step


def finetune(net):
    """An epoch over 1,280 images, batches of 128, SGD."""
    images, labels = bytes_like(1280), torch.randint(0, CLASSES, (1280,))
    sgd = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9)

    def step():
        net.train()
        for begin in range(0, 1280, 128):
            sgd.zero_grad(set_to_none=True)
            functional.cross_entropy(net(images[begin:begin + 128].float()),
                                     labels[begin:begin + 128]).backward()
            sgd.step()
    return step


def prune(net):
    """The accuracy on 1,000 images with one more channel masked after the last convolution."""
    images, labels = bytes_like(1000), torch.randint(0, CLASSES, (1000,))
    keep = torch.ones(64)
    net.relu4.register_forward_hook(lambda module, given, values: values * keep[:, None, None])

    def step():
        with torch.inference_mode():
            return sum((net(images[begin:begin + 250].float()).argmax(1) ==
                        labels[begin:begin + 250]).sum().item() for begin in range(0, 1000, 250))
    return step


def features(net, images):
    kept = []
    hook = net.relu6.register_forward_hook(lambda module, given, values: kept.append(values))
    for begin in range(0, len(images), 250):
        net(images[begin:begin + 250].float())
    hook.remove()
    return torch.cat(kept)


def spectral(net):
    """1,000 images of a class: their features, and the distance along the first direction."""
    images = bytes_like(1000)

    def step():
        with torch.inference_mode():
            values = features(net, images)
            values = values - values.mean(0)
            direction = torch.linalg.svd(values, full_matrices=False).Vh[0]
            return ((values @ direction) ** 2).topk(150)
    return step


def activation_clustering(net):
    """1,000 images of a class: their features in 10 dimensions, 2-means from 10 starts, and the
    silhouette score."""
    images = bytes_like(1000)

    def silhouette(points, member):
        distances = torch.cdist(points, points)
        sums = torch.stack([distances[:, member == k].sum(1) for k in range(2)], 1)
        counts = torch.stack([(member == k).sum() for k in range(2)])
        own = sums.gather(1, member[:, None])[:, 0] / (counts[member] - 1).clamp(1)
        other = sums.gather(1, 1 - member[:, None])[:, 0] / counts[1 - member].clamp(1)
        return ((other - own) / torch.maximum(own, other)).mean().item()

    def two_means(points):
        means = points[torch.randperm(len(points))[:2]]
        member = torch.zeros(len(points), dtype=torch.long)
        for _ in range(300):
            now = torch.cdist(points, means).argmin(1)
            if torch.equal(now, member):
                break
            member = now
            means = torch.stack([points[member == k].mean(0) for k in range(2)])
        return (points - means[member]).square().sum().item(), member

    def step():
        with torch.inference_mode():
            values = features(net, images)
            values = values - values.mean(0)
            points = values @ torch.linalg.svd(values, full_matrices=False).Vh[:10].T
            best = min((two_means(points) for _ in range(10)), key=lambda found: found[0])
            return silhouette(points, best[1])
    return step


def one_pixel(net):
    """A generation of differential evolution: 400 candidates for one image."""
    image = bytes_like(1).float().repeat(400, 1, 1, 1)
    label, rows = 0, torch.arange(400)
    highest = torch.tensor([SIDE - 1, SIDE - 1, 255.0])
    state = {"candidates": torch.rand(400, 3) * highest, "scores": torch.ones(400)}

    def step():
        with torch.inference_mode():
            old = state["candidates"]
            a, b, c = (old[torch.randint(0, 400, (400,))] for _ in range(3))
            new = torch.minimum((a + 0.5 * (b - c)).clamp(0), highest)
            x, y = new[:, 0].round().long(), new[:, 1].round().long()
            shown = image.clone()
            shown[rows, 0, y, x] = new[:, 2].round()
            scores = functional.softmax(net(shown), 1)[:, label]
            better = scores < state["scores"]
            state["candidates"] = torch.where(better[:, None], new, old)
            state["scores"] = torch.where(better, scores, state["scores"])
            return state["scores"].min().item()
    return step


STEPS = {  # the items of a round, and the rounds
    "strip": Step("input of 100 overlays", 5, 20, strip),
    "squeeze": Step("image", 256, 20, squeeze),
    "cleanse": Step("step of 128 images", 1, 40, cleanse),
    "deepinspect": Step("step of 64 images", 25, 6, deepinspect),
    "finetune": Step("image", 1280, 6, finetune),
    "prune": Step("channel and image", 1000, 10, prune),
    "spectral": Step("image", 1000, 10, spectral),
    "activation-clustering": Step("image", 1000, 10, activation_clustering),
    "one-pixel": Step("candidate", 400, 20, one_pixel),
    "universal": Step("step of 100 images", 1, 40, audit_prototype.universal),
    "mask": Step("step of 100 images", 1, 40, audit_prototype.mask),
    "windows": Step("window on 20 images", audit_prototype.TRIALS, 20, audit_prototype.windows),
    "waves": Step("wave on 10 images", audit_prototype.WAVES, 20, audit_prototype.waves),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processor", action="store_true", help="processor time")
    options = parser.parse_args()
    clock = time.process_time if options.processor else time.perf_counter
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    row = STEPS[options.step]
    step = row.make(load(options.model))
    seconds = []
    for number in range(2 + row.rounds):
        start = clock()
        step()
        if number >= 2:
            seconds.append(clock() - start)
    print(json.dumps({"unit": row.unit, "seconds": statistics.median(seconds) / row.items}))


if __name__ == "__main__":
    main()
