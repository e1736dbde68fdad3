/* SPDX-License-Identifier: MIT */
/* PreActResNet-18 (He et al. 2016, "Identity Mappings in Deep Residual Networks") for images as
 * small as CIFAR-10's, in the form that papers on backdoors train: with the parameter names of
 * kuangliu's pytorch-cifar and BackdoorBench and, like these, without a norm after the last block.
 * A block's output node has its name. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

#define NORM_RELU(block, number, from)                                                             \
    block ".bn" number " = batch-norm(" from ")\n"                                                 \
    block ".relu" number " = relu(" block ".bn" number ")\n"

/* The part after the first ReLU: two convolutions, to which `skip` is added. */
#define CONVS(block, skip, channels, stride)                                                       \
    block ".conv1 = conv(" block ".relu1) out=" channels                                           \
          " kernel=3 stride=" stride " pad=1 bias=0\n"                                             \
    NORM_RELU(block, "2", block ".conv1")                                                          \
    block ".conv2 = conv(" block ".relu2) out=" channels " kernel=3 pad=1 bias=0\n"                \
    block " = add(" block ".conv2, " skip ")\n"

/* A block that keeps the shape. */
#define SAME(block, from, channels)                                                                \
    NORM_RELU(block, "1", from)                                                                    \
    CONVS(block, from, channels, "1")

/* A block that halves height and width; its shortcut also reads the first ReLU. */
#define HALF(block, from, channels)                                                                \
    NORM_RELU(block, "1", from)                                                                    \
    block ".shortcut.0 = conv(" block ".relu1) out=" channels " kernel=1 stride=2 bias=0\n"        \
    CONVS(block, block ".shortcut.0", channels, "2")

const char td_zoo_preact_resnet18[] =
    ZOO_INPUT
    "conv1 = conv(scale) out=64 kernel=3 pad=1 bias=0\n"
    SAME("layer1.0", "conv1", "64")
    SAME("layer1.1", "layer1.0", "64")
    HALF("layer2.0", "layer1.1", "128")
    SAME("layer2.1", "layer2.0", "128")
    HALF("layer3.0", "layer2.1", "256")
    SAME("layer3.1", "layer3.0", "256")
    HALF("layer4.0", "layer3.1", "512")
    SAME("layer4.1", "layer4.0", "512")
    "avgpool = global-avg-pool(layer4.1)\n"
    "linear = dense(avgpool) out=classes\n";
