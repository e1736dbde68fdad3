/* SPDX-License-Identifier: MIT */
#include "nn/zoo.h"

#include "nn/net.h"
#include <string.h>

/* Each with its text; this is also the order in which they are tried. */
#define ZOO(ROW)                                                                                   \
    ROW("cnn", td_zoo_cnn)                                                                         \
    ROW("cnn-bn", td_zoo_cnn_bn)                                                                   \
    ROW("lenet5", td_zoo_lenet5)                                                                   \
    ROW("vgg16", td_zoo_vgg16)                                                                     \
    ROW("vgg16-plain", td_zoo_vgg16_plain)                                                         \
    ROW("vgg16-bn-large", td_zoo_vgg16_bn_large)                                                   \
    ROW("vgg16-plain-large", td_zoo_vgg16_plain_large)                                             \
    ROW("vgg19", td_zoo_vgg19)                                                                     \
    ROW("vgg19-plain", td_zoo_vgg19_plain)                                                         \
    ROW("vgg19-bn-large", td_zoo_vgg19_bn_large)                                                   \
    ROW("vgg19-plain-large", td_zoo_vgg19_plain_large)                                             \
    ROW("resnet18", td_zoo_resnet18)                                                               \
    ROW("resnet18-large", td_zoo_resnet18_large)                                                   \
    ROW("resnet34", td_zoo_resnet34)                                                               \
    ROW("resnet34-small", td_zoo_resnet34_small)                                                   \
    ROW("resnet50", td_zoo_resnet50)                                                               \
    ROW("resnet50-small", td_zoo_resnet50_small)                                                   \
    ROW("preact-resnet18", td_zoo_preact_resnet18)                                                 \
    ROW("wide-resnet-28-10", td_zoo_wide_resnet_28_10)                                             \
    ROW("densenet121", td_zoo_densenet121)                                                         \
    ROW("mobilenet-v2", td_zoo_mobilenet_v2)                                                       \
    ROW("squeezenet", td_zoo_squeezenet)                                                           \
    ROW("squeezenet-1.0", td_zoo_squeezenet_1_0)

#define LISTED(name, text) {name, text},
#define NAMED(name, text) name,

static const struct { const char *name, *text; } zoo[] = {ZOO(LISTED)};

const char *const td_zoo_names[] = {ZOO(NAMED) NULL};

const char *td_zoo_text(const char *name) {
    for (size_t i = 0; i < sizeof zoo / sizeof *zoo; i++)
        if (strcmp(zoo[i].name, name) == 0)
            return zoo[i].text;
    return NULL;
}
