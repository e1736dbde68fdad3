/* SPDX-License-Identifier: MIT */
/* ResNet-18, -34 and -50 (He et al. 2016), with torchvision's parameter names: four layers of 3, 4,
 * 6 and 3 blocks, or of 2 each. A block's output node has its name. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

/* Two convolutions, to which `skip` is added. */
#define BLOCK(block, from, skip, channels, stride)                                                 \
    block ".conv1 = conv(" from ") out=" channels " kernel=3 stride=" stride " pad=1 bias=0\n"     \
    block ".bn1 = batch-norm(" block ".conv1)\n"                                                   \
    block ".relu1 = relu(" block ".bn1)\n"                                                         \
    block ".conv2 = conv(" block ".relu1) out=" channels " kernel=3 pad=1 bias=0\n"                \
    block ".bn2 = batch-norm(" block ".conv2)\n"                                                   \
    block ".add = add(" block ".bn2, " skip ")\n"                                                  \
    block " = relu(" block ".add)\n"

/* A block that keeps the shape. */
#define SAME(block, from, channels) BLOCK(block, from, from, channels, "1")

/* A block that halves height and width. */
#define HALF(block, from, channels)                                                                \
    block ".downsample.0 = conv(" from ") out=" channels " kernel=1 stride=2 bias=0\n"             \
    block ".downsample.1 = batch-norm(" block ".downsample.0)\n"                                   \
    BLOCK(block, from, block ".downsample.1", channels, "2")

#define LAYERS(from)                                                                               \
    SAME("layer1.0", from, "64")                                                                   \
    SAME("layer1.1", "layer1.0", "64")                                                             \
    SAME("layer1.2", "layer1.1", "64")                                                             \
    HALF("layer2.0", "layer1.2", "128")                                                            \
    SAME("layer2.1", "layer2.0", "128")                                                            \
    SAME("layer2.2", "layer2.1", "128")                                                            \
    SAME("layer2.3", "layer2.2", "128")                                                            \
    HALF("layer3.0", "layer2.3", "256")                                                            \
    SAME("layer3.1", "layer3.0", "256")                                                            \
    SAME("layer3.2", "layer3.1", "256")                                                            \
    SAME("layer3.3", "layer3.2", "256")                                                            \
    SAME("layer3.4", "layer3.3", "256")                                                            \
    SAME("layer3.5", "layer3.4", "256")                                                            \
    HALF("layer4.0", "layer3.5", "512")                                                            \
    SAME("layer4.1", "layer4.0", "512")                                                            \
    SAME("layer4.2", "layer4.1", "512")

#define HEAD(from)                                                                                 \
    "avgpool = global-avg-pool(" from ")\n"                                                        \
    "fc = dense(avgpool) out=classes\n"

/* A block of ResNet-50: three convolutions, the last with four times the channels. */
#define NECK(block, from, skip, channels, out, stride)                                             \
    block ".conv1 = conv(" from ") out=" channels " kernel=1 bias=0\n"                             \
    block ".bn1 = batch-norm(" block ".conv1)\n"                                                   \
    block ".relu1 = relu(" block ".bn1)\n"                                                         \
    block ".conv2 = conv(" block ".relu1) out=" channels " kernel=3 stride=" stride                \
          " pad=1 bias=0\n"                                                                        \
    block ".bn2 = batch-norm(" block ".conv2)\n"                                                   \
    block ".relu2 = relu(" block ".bn2)\n"                                                         \
    block ".conv3 = conv(" block ".relu2) out=" out " kernel=1 bias=0\n"                           \
    block ".bn3 = batch-norm(" block ".conv3)\n"                                                   \
    block ".add = add(" block ".bn3, " skip ")\n"                                                  \
    block " = relu(" block ".add)\n"

#define SAME_NECK(block, from, channels, out) NECK(block, from, from, channels, out, "1")

#define FIRST_NECK(block, from, channels, out, stride)                                             \
    block ".downsample.0 = conv(" from ") out=" out " kernel=1 stride=" stride " bias=0\n"         \
    block ".downsample.1 = batch-norm(" block ".downsample.0)\n"                                   \
    NECK(block, from, block ".downsample.1", channels, out, stride)

#define NECKS(from)                                                                                \
    FIRST_NECK("layer1.0", from, "64", "256", "1")                                                 \
    SAME_NECK("layer1.1", "layer1.0", "64", "256")                                                 \
    SAME_NECK("layer1.2", "layer1.1", "64", "256")                                                 \
    FIRST_NECK("layer2.0", "layer1.2", "128", "512", "2")                                          \
    SAME_NECK("layer2.1", "layer2.0", "128", "512")                                                \
    SAME_NECK("layer2.2", "layer2.1", "128", "512")                                                \
    SAME_NECK("layer2.3", "layer2.2", "128", "512")                                                \
    FIRST_NECK("layer3.0", "layer2.3", "256", "1024", "2")                                         \
    SAME_NECK("layer3.1", "layer3.0", "256", "1024")                                               \
    SAME_NECK("layer3.2", "layer3.1", "256", "1024")                                               \
    SAME_NECK("layer3.3", "layer3.2", "256", "1024")                                               \
    SAME_NECK("layer3.4", "layer3.3", "256", "1024")                                               \
    SAME_NECK("layer3.5", "layer3.4", "256", "1024")                                               \
    FIRST_NECK("layer4.0", "layer3.5", "512", "2048", "2")                                         \
    SAME_NECK("layer4.1", "layer4.0", "512", "2048")                                               \
    SAME_NECK("layer4.2", "layer4.1", "512", "2048")

/* For images as large as ImageNet's, 224×224. */
#define LARGE_STEM                                                                                 \
    "conv1 = conv(scale) out=64 kernel=7 stride=2 pad=3 bias=0\n"                                  \
    "bn1 = batch-norm(conv1)\n"                                                                    \
    "relu = relu(bn1)\n"                                                                           \
    "maxpool = max-pool(relu) size=3 stride=2 pad=1\n"

/* For images as small as CIFAR-10's: no downsampling before the first block. */
#define SMALL_STEM                                                                                 \
    "conv1 = conv(scale) out=64 kernel=3 pad=1 bias=0\n"                                           \
    "bn1 = batch-norm(conv1)\n"                                                                    \
    "relu = relu(bn1)\n"

/* Two blocks per layer. */
#define SHORT_LAYERS(from)                                                                         \
    SAME("layer1.0", from, "64")                                                                   \
    SAME("layer1.1", "layer1.0", "64")                                                             \
    HALF("layer2.0", "layer1.1", "128")                                                            \
    SAME("layer2.1", "layer2.0", "128")                                                            \
    HALF("layer3.0", "layer2.1", "256")                                                            \
    SAME("layer3.1", "layer3.0", "256")                                                            \
    HALF("layer4.0", "layer3.1", "512")                                                            \
    SAME("layer4.1", "layer4.0", "512")

const char td_zoo_resnet18[] = ZOO_INPUT SMALL_STEM SHORT_LAYERS("relu") HEAD("layer4.1");
const char td_zoo_resnet18_large[] = ZOO_INPUT LARGE_STEM SHORT_LAYERS("maxpool") HEAD("layer4.1");
const char td_zoo_resnet34[] = ZOO_INPUT LARGE_STEM LAYERS("maxpool") HEAD("layer4.2");
const char td_zoo_resnet34_small[] = ZOO_INPUT SMALL_STEM LAYERS("relu") HEAD("layer4.2");
const char td_zoo_resnet50[] = ZOO_INPUT LARGE_STEM NECKS("maxpool") HEAD("layer4.2");
const char td_zoo_resnet50_small[] = ZOO_INPUT SMALL_STEM NECKS("relu") HEAD("layer4.2");
