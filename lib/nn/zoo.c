#include "nn/zoo.h"

#include "nn/net.h"
#include <string.h>

static const struct {
    const char *name, *text;
} zoo[] = {
    {"cnn", td_zoo_cnn},
    {"cnn-bn", td_zoo_cnn_bn},
    {"lenet5", td_zoo_lenet5},
    {"vgg16", td_zoo_vgg16},
    {"resnet18", td_zoo_resnet18},
    {"resnet34", td_zoo_resnet34},
    {"resnet34-small", td_zoo_resnet34_small},
    {"preact-resnet18", td_zoo_preact_resnet18},
};

const char *const td_zoo_names[] = {"cnn",      "cnn-bn",   "lenet5",         "vgg16",
                                    "resnet18", "resnet34", "resnet34-small", "preact-resnet18",
                                    NULL};

const char *td_zoo_text(const char *name) {
    for (size_t i = 0; i < sizeof zoo / sizeof *zoo; i++)
        if (strcmp(zoo[i].name, name) == 0)
            return zoo[i].text;
    return NULL;
}
