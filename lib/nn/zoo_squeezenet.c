/* SPDX-License-Identifier: MIT */
/* SqueezeNet 1.1 and 1.0 (Iandola et al. 2016), with torchvision's parameter names. A fire module's
 * output node has its name; the means of the last convolution are the logits. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

#define RELU(name, from) name "_relu = relu(" from ")\n"
#define FIRE(number, from, few, many)                                                              \
    "features." number ".squeeze = conv(" from ") out=" few " kernel=1\n"                          \
    RELU("features." number ".squeeze", "features." number ".squeeze")                             \
    "features." number ".expand1x1 = conv(features." number ".squeeze_relu) out=" many             \
        " kernel=1\n"                                                                              \
    RELU("features." number ".expand1x1", "features." number ".expand1x1")                         \
    "features." number ".expand3x3 = conv(features." number ".squeeze_relu) out=" many             \
        " kernel=3 pad=1\n"                                                                        \
    RELU("features." number ".expand3x3", "features." number ".expand3x3")                         \
    "features." number " = concat(features." number ".expand1x1_relu, features." number            \
        ".expand3x3_relu)\n"
#define POOL(number, from) "features." number " = max-pool(" from ") size=3 stride=2 ceil=1\n"

#define HEAD                                                                                       \
    "classifier.0 = dropout(features.12) rate=0.5\n"                                               \
    "classifier.1 = conv(classifier.0) out=classes kernel=1\n"                                     \
    "classifier.2 = relu(classifier.1)\n"                                                          \
    "classifier.3 = global-avg-pool(classifier.2)\n"

const char td_zoo_squeezenet[] =
    ZOO_INPUT
    "features.0 = conv(scale) out=64 kernel=3 stride=2\n"
    "features.1 = relu(features.0)\n"
    POOL("2", "features.1")
    FIRE("3", "features.2", "16", "64")
    FIRE("4", "features.3", "16", "64")
    POOL("5", "features.4")
    FIRE("6", "features.5", "32", "128")
    FIRE("7", "features.6", "32", "128")
    POOL("8", "features.7")
    FIRE("9", "features.8", "48", "192")
    FIRE("10", "features.9", "48", "192")
    FIRE("11", "features.10", "64", "256")
    FIRE("12", "features.11", "64", "256")
    HEAD;

const char td_zoo_squeezenet_1_0[] =
    ZOO_INPUT
    "features.0 = conv(scale) out=96 kernel=7 stride=2\n"
    "features.1 = relu(features.0)\n"
    POOL("2", "features.1")
    FIRE("3", "features.2", "16", "64")
    FIRE("4", "features.3", "16", "64")
    FIRE("5", "features.4", "32", "128")
    POOL("6", "features.5")
    FIRE("7", "features.6", "32", "128")
    FIRE("8", "features.7", "48", "192")
    FIRE("9", "features.8", "48", "192")
    FIRE("10", "features.9", "64", "256")
    POOL("11", "features.10")
    FIRE("12", "features.11", "64", "256")
    HEAD;
