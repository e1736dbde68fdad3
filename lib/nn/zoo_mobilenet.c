/* SPDX-License-Identifier: MIT */
/* MobileNetV2 (Sandler et al. 2018), with torchvision's parameter names: blocks that widen,
 * convolve depthwise, and narrow. A block's output node has its name. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

/* A convolution, its norm and ReLU6; `more` are its keys. */
#define UNIT(conv, norm, relu, from, more)                                                         \
    conv " = conv(" from ") " more " bias=0\n"                                                     \
    norm " = batch-norm(" conv ")\n"                                                               \
    relu " = clip(" norm ") min=0 max=6\n"

#define DEPTHWISE(channels, stride)                                                                \
    "out=" channels " kernel=3 stride=" stride " pad=1 groups=" channels

/* Ends with the norm `last`. */
#define BLOCK(block, last, from, wide, out, stride)                                                \
    UNIT(block ".conv.0.0", block ".conv.0.1", block ".conv.0.2", from, "out=" wide " kernel=1")   \
    UNIT(block ".conv.1.0", block ".conv.1.1", block ".conv.1.2", block ".conv.0.2",               \
         DEPTHWISE(wide, stride))                                                                  \
    block ".conv.2 = conv(" block ".conv.1.2) out=" out " kernel=1 bias=0\n"                       \
    last " = batch-norm(" block ".conv.2)\n"

#define NEW(block, from, wide, out, stride) BLOCK(block, block ".conv.3", from, wide, out, stride)

/* A block with a shortcut. */
#define SAME(block, from, wide, out)                                                               \
    NEW(block, from, wide, out, "1")                                                               \
    block " = add(" from ", " block ".conv.3)\n"

const char td_zoo_mobilenet_v2[] =
    ZOO_INPUT
    UNIT("features.0.0", "features.0.1", "features.0.2", "scale", "out=32 kernel=3 stride=2 pad=1")
    UNIT("features.1.conv.0.0", "features.1.conv.0.1", "features.1.conv.0.2", "features.0.2",
         DEPTHWISE("32", "1"))
    "features.1.conv.1 = conv(features.1.conv.0.2) out=16 kernel=1 bias=0\n"
    "features.1.conv.2 = batch-norm(features.1.conv.1)\n"
    NEW("features.2", "features.1.conv.2", "96", "24", "2")
    SAME("features.3", "features.2.conv.3", "144", "24")
    NEW("features.4", "features.3", "144", "32", "2")
    SAME("features.5", "features.4.conv.3", "192", "32")
    SAME("features.6", "features.5", "192", "32")
    NEW("features.7", "features.6", "192", "64", "2")
    SAME("features.8", "features.7.conv.3", "384", "64")
    SAME("features.9", "features.8", "384", "64")
    SAME("features.10", "features.9", "384", "64")
    NEW("features.11", "features.10", "384", "96", "1")
    SAME("features.12", "features.11.conv.3", "576", "96")
    SAME("features.13", "features.12", "576", "96")
    NEW("features.14", "features.13", "576", "160", "2")
    SAME("features.15", "features.14.conv.3", "960", "160")
    SAME("features.16", "features.15", "960", "160")
    NEW("features.17", "features.16", "960", "320", "1")
    UNIT("features.18.0", "features.18.1", "features.18.2", "features.17.conv.3",
         "out=1280 kernel=1")
    "avgpool = global-avg-pool(features.18.2)\n"
    "classifier.0 = dropout(avgpool) rate=0.2\n"
    "classifier.1 = dense(classifier.0) out=classes\n";
