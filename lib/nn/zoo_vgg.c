/* VGG-16 with batch norm (Simonyan and Zisserman 2015, configuration D), with the parameters' names
 * of torchvision's vgg16_bn. As usual for 32×32 images, five poolings lead to 1×1, and the dense
 * layers are 512 wide instead of 4096. */
#include "nn/zoo.h"

/* clang-format off */

/* Numbers are places in torchvision's nn.Sequential: the input's, and those of the three nodes. */
#define CONV(from, conv, norm, relu, channels)                                                     \
    "features." conv " = conv(" from ") out=" channels " kernel=3 pad=1\n"                         \
    "features." norm " = batch-norm(features." conv ")\n"                                          \
    "features." relu " = relu(features." norm ")\n"
#define POOL(from, pool) "features." pool " = max-pool(" from ") size=2\n"

const char td_zoo_vgg16[] =
    ZOO_INPUT
    CONV("scale", "0", "1", "2", "64")
    CONV("features.2", "3", "4", "5", "64")
    POOL("features.5", "6")
    CONV("features.6", "7", "8", "9", "128")
    CONV("features.9", "10", "11", "12", "128")
    POOL("features.12", "13")
    CONV("features.13", "14", "15", "16", "256")
    CONV("features.16", "17", "18", "19", "256")
    CONV("features.19", "20", "21", "22", "256")
    POOL("features.22", "23")
    CONV("features.23", "24", "25", "26", "512")
    CONV("features.26", "27", "28", "29", "512")
    CONV("features.29", "30", "31", "32", "512")
    POOL("features.32", "33")
    CONV("features.33", "34", "35", "36", "512")
    CONV("features.36", "37", "38", "39", "512")
    CONV("features.39", "40", "41", "42", "512")
    POOL("features.42", "43")
    "flat = flatten(features.43)\n"
    "classifier.0 = dense(flat) out=512\n"
    "classifier.1 = relu(classifier.0)\n"
    "classifier.2 = dropout(classifier.1) rate=0.5\n"
    "classifier.3 = dense(classifier.2) out=512\n"
    "classifier.4 = relu(classifier.3)\n"
    "classifier.5 = dropout(classifier.4) rate=0.5\n"
    "classifier.6 = dense(classifier.5) out=classes\n";
