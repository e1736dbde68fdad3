/* SPDX-License-Identifier: MIT */
/* The texts of the zoo's nets, for zoo.c only; other code gets them by name from net.h. Each has
 * the variables height, width, channels and classes, and raw pixels as input. */
#ifndef TD_NN_ZOO_H
#define TD_NN_ZOO_H

extern const char td_zoo_cnn[], td_zoo_cnn_bn[], td_zoo_lenet5[], td_zoo_vgg16[],
    td_zoo_vgg16_plain[], td_zoo_vgg16_bn_large[], td_zoo_vgg16_plain_large[], td_zoo_vgg19[],
    td_zoo_vgg19_plain[], td_zoo_vgg19_bn_large[], td_zoo_vgg19_plain_large[], td_zoo_resnet18[],
    td_zoo_resnet18_large[], td_zoo_resnet34[], td_zoo_resnet34_small[], td_zoo_resnet50[],
    td_zoo_resnet50_small[], td_zoo_preact_resnet18[], td_zoo_wide_resnet_28_10[],
    td_zoo_densenet121[], td_zoo_mobilenet_v2[], td_zoo_squeezenet[], td_zoo_squeezenet_1_0[];

/* The first lines of every net: the image, scaled to 0–1. */
#define ZOO_INPUT                                                                                  \
    "input = image() height=height width=width channels=channels\n"                                \
    "scale = scale(input) by=1/255\n"

#endif
