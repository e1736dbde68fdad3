/* SPDX-License-Identifier: MIT */
/* VGG-16 and VGG-19 (Simonyan and Zisserman 2015, configurations D and E), with and without batch
 * norm, with torchvision's parameter names. As usual for 32×32 images, five poolings lead to 1×1,
 * and the dense layers are 512 wide; the large variants are torchvision's, for 224×224 images and
 * any others, with means over 7×7 windows and dense layers 4096 wide. */
#include "nn/zoo.h"

/* C promises only 4095 characters of a literal; gcc and clang set no limit. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */

/* Numbers are indices in torchvision's nn.Sequential: of the input, and of the nodes. */
#define NORMED(from, conv, norm, relu, channels)                                                   \
    "features." conv " = conv(" from ") out=" channels " kernel=3 pad=1\n"                         \
    "features." norm " = batch-norm(features." conv ")\n"                                          \
    "features." relu " = relu(features." norm ")\n"
#define PLAIN(from, conv, relu, channels)                                                          \
    "features." conv " = conv(" from ") out=" channels " kernel=3 pad=1\n"                         \
    "features." relu " = relu(features." conv ")\n"
#define POOL(from, pool) "features." pool " = max-pool(" from ") size=2\n"

/* The dense layers, of this width. */
#define HEAD(from, width)                                                                          \
    "flat = flatten(" from ")\n"                                                                   \
    "classifier.0 = dense(flat) out=" width "\n"                                                   \
    "classifier.1 = relu(classifier.0)\n"                                                          \
    "classifier.2 = dropout(classifier.1) rate=0.5\n"                                              \
    "classifier.3 = dense(classifier.2) out=" width "\n"                                           \
    "classifier.4 = relu(classifier.3)\n"                                                          \
    "classifier.5 = dropout(classifier.4) rate=0.5\n"                                              \
    "classifier.6 = dense(classifier.5) out=classes\n"
#define LARGE_HEAD(from) "avgpool = adaptive-avg-pool(" from ") out=7\n" HEAD("avgpool", "4096")

#define LAYERS_NORMED16                                                                            \
    NORMED("scale", "0", "1", "2", "64")                                                           \
    NORMED("features.2", "3", "4", "5", "64")                                                      \
    POOL("features.5", "6")                                                                        \
    NORMED("features.6", "7", "8", "9", "128")                                                     \
    NORMED("features.9", "10", "11", "12", "128")                                                  \
    POOL("features.12", "13")                                                                      \
    NORMED("features.13", "14", "15", "16", "256")                                                 \
    NORMED("features.16", "17", "18", "19", "256")                                                 \
    NORMED("features.19", "20", "21", "22", "256")                                                 \
    POOL("features.22", "23")                                                                      \
    NORMED("features.23", "24", "25", "26", "512")                                                 \
    NORMED("features.26", "27", "28", "29", "512")                                                 \
    NORMED("features.29", "30", "31", "32", "512")                                                 \
    POOL("features.32", "33")                                                                      \
    NORMED("features.33", "34", "35", "36", "512")                                                 \
    NORMED("features.36", "37", "38", "39", "512")                                                 \
    NORMED("features.39", "40", "41", "42", "512")                                                 \
    POOL("features.42", "43")

#define LAYERS_PLAIN16                                                                             \
    PLAIN("scale", "0", "1", "64")                                                                 \
    PLAIN("features.1", "2", "3", "64")                                                            \
    POOL("features.3", "4")                                                                        \
    PLAIN("features.4", "5", "6", "128")                                                           \
    PLAIN("features.6", "7", "8", "128")                                                           \
    POOL("features.8", "9")                                                                        \
    PLAIN("features.9", "10", "11", "256")                                                         \
    PLAIN("features.11", "12", "13", "256")                                                        \
    PLAIN("features.13", "14", "15", "256")                                                        \
    POOL("features.15", "16")                                                                      \
    PLAIN("features.16", "17", "18", "512")                                                        \
    PLAIN("features.18", "19", "20", "512")                                                        \
    PLAIN("features.20", "21", "22", "512")                                                        \
    POOL("features.22", "23")                                                                      \
    PLAIN("features.23", "24", "25", "512")                                                        \
    PLAIN("features.25", "26", "27", "512")                                                        \
    PLAIN("features.27", "28", "29", "512")                                                        \
    POOL("features.29", "30")

#define LAYERS_NORMED19                                                                            \
    NORMED("scale", "0", "1", "2", "64")                                                           \
    NORMED("features.2", "3", "4", "5", "64")                                                      \
    POOL("features.5", "6")                                                                        \
    NORMED("features.6", "7", "8", "9", "128")                                                     \
    NORMED("features.9", "10", "11", "12", "128")                                                  \
    POOL("features.12", "13")                                                                      \
    NORMED("features.13", "14", "15", "16", "256")                                                 \
    NORMED("features.16", "17", "18", "19", "256")                                                 \
    NORMED("features.19", "20", "21", "22", "256")                                                 \
    NORMED("features.22", "23", "24", "25", "256")                                                 \
    POOL("features.25", "26")                                                                      \
    NORMED("features.26", "27", "28", "29", "512")                                                 \
    NORMED("features.29", "30", "31", "32", "512")                                                 \
    NORMED("features.32", "33", "34", "35", "512")                                                 \
    NORMED("features.35", "36", "37", "38", "512")                                                 \
    POOL("features.38", "39")                                                                      \
    NORMED("features.39", "40", "41", "42", "512")                                                 \
    NORMED("features.42", "43", "44", "45", "512")                                                 \
    NORMED("features.45", "46", "47", "48", "512")                                                 \
    NORMED("features.48", "49", "50", "51", "512")                                                 \
    POOL("features.51", "52")

#define LAYERS_PLAIN19                                                                             \
    PLAIN("scale", "0", "1", "64")                                                                 \
    PLAIN("features.1", "2", "3", "64")                                                            \
    POOL("features.3", "4")                                                                        \
    PLAIN("features.4", "5", "6", "128")                                                           \
    PLAIN("features.6", "7", "8", "128")                                                           \
    POOL("features.8", "9")                                                                        \
    PLAIN("features.9", "10", "11", "256")                                                         \
    PLAIN("features.11", "12", "13", "256")                                                        \
    PLAIN("features.13", "14", "15", "256")                                                        \
    PLAIN("features.15", "16", "17", "256")                                                        \
    POOL("features.17", "18")                                                                      \
    PLAIN("features.18", "19", "20", "512")                                                        \
    PLAIN("features.20", "21", "22", "512")                                                        \
    PLAIN("features.22", "23", "24", "512")                                                        \
    PLAIN("features.24", "25", "26", "512")                                                        \
    POOL("features.26", "27")                                                                      \
    PLAIN("features.27", "28", "29", "512")                                                        \
    PLAIN("features.29", "30", "31", "512")                                                        \
    PLAIN("features.31", "32", "33", "512")                                                        \
    PLAIN("features.33", "34", "35", "512")                                                        \
    POOL("features.35", "36")

const char td_zoo_vgg16[] = ZOO_INPUT LAYERS_NORMED16 HEAD("features.43", "512");
const char td_zoo_vgg16_bn_large[] = ZOO_INPUT LAYERS_NORMED16 LARGE_HEAD("features.43");
const char td_zoo_vgg16_plain[] = ZOO_INPUT LAYERS_PLAIN16 HEAD("features.30", "512");
const char td_zoo_vgg16_plain_large[] = ZOO_INPUT LAYERS_PLAIN16 LARGE_HEAD("features.30");
const char td_zoo_vgg19[] = ZOO_INPUT LAYERS_NORMED19 HEAD("features.52", "512");
const char td_zoo_vgg19_bn_large[] = ZOO_INPUT LAYERS_NORMED19 LARGE_HEAD("features.52");
const char td_zoo_vgg19_plain[] = ZOO_INPUT LAYERS_PLAIN19 HEAD("features.36", "512");
const char td_zoo_vgg19_plain_large[] = ZOO_INPUT LAYERS_PLAIN19 LARGE_HEAD("features.36");
