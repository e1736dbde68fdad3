#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Classifiers of torchvision and timm as both of PyTorch's exporters write them, and how they come
out of our reader.

onnx_models.py make FOLDER [MODEL...]      exports them with random weights at their smallest input,
                                           with ONNX Runtime's logits and PyTorch's gradients
onnx_models.py compare BUILD FOLDER [...]  reads them by dump_gradients, and prints a table

A folder with packages, torchvision and timm among them, may stand in PEERS. For measuring only.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

import peers
import safetensors

CLASSES, SEED = 10, 1
LARGEST_LOGIT = 10
LOGITS, GRADIENTS = 1e-4, 1e-3
EXPORTERS = {"ts": False, "dynamo": True}
SIDES = {"alexnet": 64, "inception_v3": 96, "maxvit_t": 224, "timm/inception_v4": 96}
TORCHVISION = """alexnet convnext_small convnext_tiny densenet121 densenet161 densenet169
densenet201 efficientnet_b0 efficientnet_b3 efficientnet_v2_s googlenet inception_v3 maxvit_t
mnasnet0_5 mnasnet1_0 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf
regnet_y_400mf resnet101 resnet152 resnet18 resnet34 resnet50 resnext101_32x8d resnext50_32x4d
shufflenet_v2_x0_5 shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t vgg11 vgg11_bn
vgg13 vgg16 vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32 wide_resnet50_2""".split()
TIMM = """convnext_atto convnextv2_atto darknet53 deit_tiny_patch16_224 dla34 edgenext_xx_small
efficientnet_lite0 efficientvit_b0 fasternet_t0 ghostnet_100 hgnetv2_b0 inception_v4 lcnet_050
levit_128s mixer_s32_224 mixnet_s mobilenetv1_100 mobilenetv3_small_050 mobilenetv4_conv_small
mobileone_s0 mobilevit_xxs nfnet_l0 poolformer_s12 repghostnet_050 repvgg_a0 repvgg_a2
res2net50_26w_4s resnet18 resnet26t resnet50d resnetv2_50 rexnet_100 seresnet18 starnet_s1
tf_efficientnet_b0 tf_mobilenetv3_small_minimal_100 tinynet_e vit_tiny_patch16_224
vovnet39a""".split()
MODELS = TORCHVISION + [f"timm/{name}" for name in TIMM]


def side_of(name):
    return SIDES.get(name, 32)


# --- making ---


def build(name):
    if name.startswith("timm/"):
        import timm

        arguments = {"img_size": side_of(name)} if re.search("vit_tiny|deit|mixer|levit", name) else {}
        return timm.create_model(name[5:], pretrained=False, num_classes=CLASSES, **arguments)
    arguments = {"num_classes": CLASSES, "weights": None}
    if name in ("googlenet", "inception_v3"):
        arguments |= {"aux_logits": False, "init_weights": True}
    if name.startswith("vit_"):
        arguments["image_size"] = side_of(name)
    return peers.torchvision().models.get_model(name, **arguments)


def randomise(model):
    """Moves vectors away from 0 and 1, so that no two are equal and every branch has an effect."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for tensor in model.state_dict(keep_vars=True).values():
            if tensor.is_floating_point() and tensor.numel() > 1:
                shape = tensor.shape
                if tensor.dim() == 1 or tensor.std() < 1e-3:
                    tensor += 0.1 * torch.randn(shape, generator=generator)
        for module in model.modules():
            if getattr(module, "running_var", None) is not None:
                module.running_var.clamp_(min=0.5)


def soften(model, name):
    """Logits far apart have no gradient: reduces the last layer's weights in that case."""
    import torch

    side, last = side_of(name), [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1:]
    with torch.no_grad():
        most = model(torch.rand(1, 3, side, side)).abs().max().item()
        for tensor in last[0].parameters() if last and most > LARGEST_LOGIT else ():
            tensor *= LARGEST_LOGIT / most


def expect(model, name, folder):
    """PyTorch's logits, and its gradient of the cross-entropy with respect to the raw pixels."""
    import made
    import torch

    side = side_of(name)
    pixels = made.images(SEED, 1, side, side, 3).requires_grad_()
    logits = model((pixels / 255).permute(0, 3, 1, 2))
    torch.nn.functional.cross_entropy(logits, made.labels(SEED, 1, CLASSES)).backward()
    np.savez(folder / "torch.npz", logits=logits.detach().numpy(), input=pixels.grad.numpy(),
             pixels=pixels.detach().numpy())
    return (pixels.detach() / 255).permute(0, 3, 1, 2).contiguous()


def export(model, images, folder, exporter):
    import onnxruntime
    import torch

    path = folder / f"{exporter}.onnx"
    arguments = {} if EXPORTERS[exporter] else {"opset_version": 17}
    torch.onnx.export(model, (images,), str(path), dynamo=EXPORTERS[exporter], verbose=False,
                      **arguments)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
    np.save(folder / f"{exporter}.npy", logits)


def make(root, *names):
    import torch

    torch.set_num_threads(1)
    peers.torchvision()
    for name in names or MODELS:
        folder = pathlib.Path(root) / name.replace("/", "-")
        if (folder / "done").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        try:
            torch.manual_seed(SEED)
            model = build(name).eval()
            randomise(model)
            soften(model, name)
            images = expect(model, name, folder)
        except Exception as error:
            print(f"{name}: not built: {error}", flush=True)
            continue
        for exporter in EXPORTERS:
            try:
                export(model, images, folder, exporter)
                print(f"{name} {exporter}", flush=True)
            except Exception as error:
                (folder / f"{exporter}.failed").write_text(str(error))
                print(f"{name} {exporter}: not exported: {str(error)[:200]!r}", flush=True)
        (folder / "done").touch()


# --- comparing ---


def relative(ours, theirs):
    theirs = np.asarray(theirs, np.float64)
    return np.abs(np.asarray(ours, np.float64) - theirs).max() / np.abs(theirs).max()


def compare_one(build, folder, exporter):
    """A row of the table: relative errors, or the reason for none."""
    if (folder / f"{exporter}.failed").exists():
        return "not exported"
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as out:
        done = subprocess.run([f"{build}/tests/golden/dump_gradients", folder / f"{exporter}.onnx",
                               "infer", str(SEED), "1", out.name], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            words = done.stderr.strip().splitlines()
            return words[-1].split(".onnx: ", 1)[-1] if words else f"exit {done.returncode}"
        ours, _ = safetensors.read(out.name)
    torch_says = np.load(folder / "torch.npz")
    return {"logits": relative(ours["logits"], np.load(folder / f"{exporter}.npy")),
            "input": relative(ours["input"], torch_says["input"])}


def is_good(row):
    return not isinstance(row, str) and row["logits"] <= LOGITS and row["input"] <= GRADIENTS


def cell(row):
    if isinstance(row, str):
        return row
    return f"{row['logits']:.0e} {row['input']:.0e}" + ("" if is_good(row) else " (!)")


def compare(build, root, *names):
    counts = dict.fromkeys(EXPORTERS, 0)
    exported = dict.fromkeys(EXPORTERS, 0)
    print("| model | side | " + " | ".join(EXPORTERS) + " |\n|---|---|" + "---|" * len(EXPORTERS))
    for name in names or MODELS:
        folder = pathlib.Path(root) / name.replace("/", "-")
        if not (folder / "done").exists():
            continue
        rows = {exporter: compare_one(build, folder, exporter) for exporter in EXPORTERS}
        for exporter, row in rows.items():
            counts[exporter] += is_good(row)
            exported[exporter] += row != "not exported"
        print(f"| {name} | {side_of(name)} | " + " | ".join(cell(r) for r in rows.values()) + " |",
              flush=True)
    for exporter, count in counts.items():
        print(f"\n{exporter}: {count} of {exported[exporter]}")


COMMANDS = {"make": make, "compare": compare}
if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
