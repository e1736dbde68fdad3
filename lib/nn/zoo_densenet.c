/* SPDX-License-Identifier: MIT */
/* DenseNet-121 (Huang et al. 2017), with torchvision's parameter names: each layer of a block reads
 * the concatenated outputs of all earlier ones, and adds 32 channels. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

/* One layer; `block`.cat and its number is its output concatenated with its input. */
#define LAYER(block, number, from)                                                                 \
    block ".denselayer" number ".norm1 = batch-norm(" from ")\n"                                   \
    block ".denselayer" number ".relu1 = relu(" block ".denselayer" number ".norm1)\n"             \
    block ".denselayer" number ".conv1 = conv(" block ".denselayer" number                         \
          ".relu1) out=128 kernel=1 bias=0\n"                                                      \
    block ".denselayer" number ".norm2 = batch-norm(" block ".denselayer" number ".conv1)\n"       \
    block ".denselayer" number ".relu2 = relu(" block ".denselayer" number ".norm2)\n"             \
    block ".denselayer" number ".conv2 = conv(" block ".denselayer" number                         \
          ".relu2) out=32 kernel=3 pad=1 bias=0\n"                                                 \
    block ".cat" number " = concat(" from ", " block ".denselayer" number ".conv2)\n"

/* Layers 1 to 6 of a block, and the later ones. */
#define LAYERS6(block, from)                                                                       \
    LAYER(block, "1", from)                                                                        \
    LAYER(block, "2", block ".cat1")                                                               \
    LAYER(block, "3", block ".cat2")                                                               \
    LAYER(block, "4", block ".cat3")                                                               \
    LAYER(block, "5", block ".cat4")                                                               \
    LAYER(block, "6", block ".cat5")

#define LAYERS12(block, from)                                                                      \
    LAYERS6(block, from)                                                                           \
    LAYER(block, "7", block ".cat6")                                                               \
    LAYER(block, "8", block ".cat7")                                                               \
    LAYER(block, "9", block ".cat8")                                                               \
    LAYER(block, "10", block ".cat9")                                                              \
    LAYER(block, "11", block ".cat10")                                                             \
    LAYER(block, "12", block ".cat11")

#define LAYERS16(block, from)                                                                      \
    LAYERS12(block, from)                                                                          \
    LAYER(block, "13", block ".cat12")                                                             \
    LAYER(block, "14", block ".cat13")                                                             \
    LAYER(block, "15", block ".cat14")                                                             \
    LAYER(block, "16", block ".cat15")

#define LAYERS24(block, from)                                                                      \
    LAYERS16(block, from)                                                                          \
    LAYER(block, "17", block ".cat16")                                                             \
    LAYER(block, "18", block ".cat17")                                                             \
    LAYER(block, "19", block ".cat18")                                                             \
    LAYER(block, "20", block ".cat19")                                                             \
    LAYER(block, "21", block ".cat20")                                                             \
    LAYER(block, "22", block ".cat21")                                                             \
    LAYER(block, "23", block ".cat22")                                                             \
    LAYER(block, "24", block ".cat23")

#define TRANSITION(number, from, channels)                                                         \
    "features.transition" number ".norm = batch-norm(" from ")\n"                                  \
    "features.transition" number ".relu = relu(features.transition" number ".norm)\n"              \
    "features.transition" number ".conv = conv(features.transition" number ".relu) out=" channels  \
        " kernel=1 bias=0\n"                                                                       \
    "features.transition" number ".pool = avg-pool(features.transition" number ".conv) size=2\n"

const char td_zoo_densenet121[] =
    ZOO_INPUT
    "features.conv0 = conv(scale) out=64 kernel=7 stride=2 pad=3 bias=0\n"
    "features.norm0 = batch-norm(features.conv0)\n"
    "features.relu0 = relu(features.norm0)\n"
    "features.pool0 = max-pool(features.relu0) size=3 stride=2 pad=1\n"
    LAYERS6("features.denseblock1", "features.pool0")
    TRANSITION("1", "features.denseblock1.cat6", "128")
    LAYERS12("features.denseblock2", "features.transition1.pool")
    TRANSITION("2", "features.denseblock2.cat12", "256")
    LAYERS24("features.denseblock3", "features.transition2.pool")
    TRANSITION("3", "features.denseblock3.cat24", "512")
    LAYERS16("features.denseblock4", "features.transition3.pool")
    "features.norm5 = batch-norm(features.denseblock4.cat16)\n"
    "relu = relu(features.norm5)\n"
    "avgpool = global-avg-pool(relu)\n"
    "classifier = dense(avgpool) out=classes\n";
