"""One forward and backward pass of a twin on made images, and how far from a kink it stays."""
import torch
from torch import nn

import made
import twins

SEEDS = 256


def made_batch(name, seed):
    net = twins.NETS[name]
    images = made.images(seed, net.golden_batch, net.height, net.width, net.channels)
    return images, made.labels(seed, net.golden_batch, net.classes)


def run(model, images, labels):
    """Returns the logits, the mean loss and {parameter: gradient}; "input" is the raw pixels',
    NHWC."""
    images = images.clone().requires_grad_()
    model.zero_grad()
    logits = model(twins.nchw(images))
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    gradients["input"] = images.grad
    return logits.detach(), loss.item(), gradients


def relu_margin(x):
    return x.abs().min() / x.square().mean().sqrt()


def pool_margin(pool, x):
    """How far the largest value of a window is above the second, where it is positive at all."""
    k = pool.kernel_size
    windows = x.unfold(2, k, pool.stride).unfold(3, k, pool.stride).flatten(4)
    top = windows.topk(2, 4).values
    gaps = (top[..., 0] - top[..., 1])[top[..., 0] > 0]
    return gaps.min() / x.square().mean().sqrt() if gaps.numel() else torch.tensor(1.0)


def margin(model, images):
    """The least distance of any activation from a kink of ReLU or max pooling, in units of the
    tensor's root mean square. Within rounding of a kink, two right gradients can differ."""
    least = []
    hooks = []
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            hooks.append(module.register_forward_pre_hook(
                lambda _, x: least.append(relu_margin(x[0]))))
        elif isinstance(module, nn.MaxPool2d):
            hooks.append(module.register_forward_pre_hook(
                lambda pool, x: least.append(pool_margin(pool, x[0]))))
    with torch.no_grad():
        model(twins.nchw(images))
    for hook in hooks:
        hook.remove()
    return min(least, default=torch.tensor(1.0)).item()


def best_seed(name, prepare):
    """The seed whose images keep the model prepare(seed) farthest from a kink; and that margin."""
    margins = {seed: margin(prepare(seed), made_batch(name, seed)[0])
               for seed in range(1, SEEDS + 1)}
    best = max(margins, key=margins.get)
    return best, margins[best]
