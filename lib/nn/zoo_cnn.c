/* SPDX-License-Identifier: MIT */
/* The small nets of the papers: two CNNs of 3×3 convolutions, and LeNet-5. */
#include "nn/zoo.h"

/* clang-format off */

/* FriendNet, Table 3 (and the multi-target paper): valid 3×3 convolutions. */
const char td_zoo_cnn[] =
    ZOO_INPUT
    "conv1 = conv(scale) out=32 kernel=3\n"
    "relu1 = relu(conv1)\n"
    "conv2 = conv(relu1) out=32 kernel=3\n"
    "relu2 = relu(conv2)\n"
    "pool2 = max-pool(relu2) size=2\n"
    "conv3 = conv(pool2) out=64 kernel=3\n"
    "relu3 = relu(conv3)\n"
    "conv4 = conv(relu3) out=64 kernel=3\n"
    "relu4 = relu(conv4)\n"
    "pool4 = max-pool(relu4) size=2\n"
    "flat = flatten(pool4)\n"
    "fc1 = dense(flat) out=200\n"
    "relu5 = relu(fc1)\n"
    "fc2 = dense(relu5) out=200\n"
    "relu6 = relu(fc2)\n"
    "fc3 = dense(relu6) out=classes\n";

/* A convolution with batch norm at its output; the norm's bias makes the convolution's own
 * redundant. */
#define CONV_BN(number, from, channels)                                                            \
    "conv" number " = conv(" from ") out=" channels " kernel=3 pad=1 bias=0\n"                     \
    "bn" number " = batch-norm(conv" number ")\n"                                                  \
    "relu" number " = relu(bn" number ")\n"

/* The clean-label paper's net for MNIST (Barni et al. 2019, section III). The paper does not
 * mention padding: with it a ramp is learnt as in the paper, without it hardly at all. The paper
 * gives max pooling a stride of 1; here it is 2, Keras's default for 2×2 windows. */
const char td_zoo_cnn_bn[] =
    ZOO_INPUT
    CONV_BN("1", "scale", "32")
    CONV_BN("2", "relu1", "32")
    "pool2 = max-pool(relu2) size=2\n"
    CONV_BN("3", "pool2", "64")
    CONV_BN("4", "relu3", "64")
    "pool4 = max-pool(relu4) size=2\n"
    "flat = flatten(pool4)\n"
    "fc1 = dense(flat) out=512\n"
    "relu5 = relu(fc1)\n"
    "drop5 = dropout(relu5) rate=0.2\n"
    "fc2 = dense(drop5) out=classes\n";

/* LeCun et al. 1998, with ReLU and max pooling as usual today. */
const char td_zoo_lenet5[] =
    ZOO_INPUT
    "conv1 = conv(scale) out=6 kernel=5\n"
    "relu1 = relu(conv1)\n"
    "pool1 = max-pool(relu1) size=2\n"
    "conv2 = conv(pool1) out=16 kernel=5\n"
    "relu2 = relu(conv2)\n"
    "pool2 = max-pool(relu2) size=2\n"
    "flat = flatten(pool2)\n"
    "fc1 = dense(flat) out=120\n"
    "relu3 = relu(fc1)\n"
    "fc2 = dense(relu3) out=84\n"
    "relu4 = relu(fc2)\n"
    "fc3 = dense(relu4) out=classes\n";
