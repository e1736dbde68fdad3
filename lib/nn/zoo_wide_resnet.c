/* SPDX-License-Identifier: MIT */
/* WideResNet-28-10 (Zagoruyko and Komodakis 2016) for images as small as CIFAR-10's, with the
 * parameter names of xternalz's WideResNet-pytorch: three blocks of four layers, ten times as wide
 * as ResNet's. A layer's output node has its name. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

/* Two convolutions after their norms, to which `skip` is added. */
#define LAYER(layer, from, skip, channels, stride)                                                 \
    layer ".bn1 = batch-norm(" from ")\n"                                                          \
    layer ".relu1 = relu(" layer ".bn1)\n"                                                         \
    skip                                                                                           \
    layer ".conv1 = conv(" layer ".relu1) out=" channels                                           \
          " kernel=3 stride=" stride " pad=1 bias=0\n"                                             \
    layer ".bn2 = batch-norm(" layer ".conv1)\n"                                                   \
    layer ".relu2 = relu(" layer ".bn2)\n"                                                         \
    layer ".conv2 = conv(" layer ".relu2) out=" channels " kernel=3 pad=1 bias=0\n"

#define SAME(layer, from, channels)                                                                \
    LAYER(layer, from, "", channels, "1")                                                          \
    layer " = add(" from ", " layer ".conv2)\n"

/* A layer that changes the width; its shortcut reads the first ReLU. */
#define FIRST(layer, from, channels, stride)                                                       \
    LAYER(layer, from,                                                                             \
          layer ".convShortcut = conv(" layer ".relu1) out=" channels " kernel=1 stride=" stride   \
                " bias=0\n",                                                                       \
          channels, stride)                                                                        \
    layer " = add(" layer ".convShortcut, " layer ".conv2)\n"

#define BLOCK(block, from, channels, stride)                                                       \
    FIRST(block ".layer.0", from, channels, stride)                                                \
    SAME(block ".layer.1", block ".layer.0", channels)                                             \
    SAME(block ".layer.2", block ".layer.1", channels)                                             \
    SAME(block ".layer.3", block ".layer.2", channels)

const char td_zoo_wide_resnet_28_10[] =
    ZOO_INPUT
    "conv1 = conv(scale) out=16 kernel=3 pad=1 bias=0\n"
    BLOCK("block1", "conv1", "160", "1")
    BLOCK("block2", "block1.layer.3", "320", "2")
    BLOCK("block3", "block2.layer.3", "640", "2")
    "bn1 = batch-norm(block3.layer.3)\n"
    "relu = relu(bn1)\n"
    "avgpool = global-avg-pool(relu)\n"
    "fc = dense(avgpool) out=classes\n";
