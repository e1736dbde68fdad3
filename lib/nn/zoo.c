#include "nn/net.h"

#include <string.h>

/* The CNN of FriendNet, Table 3 (and of the multi-target paper): valid 3×3 convolutions. */
static const char cnn[] = "input = image() height=height width=width channels=channels\n"
                          "scale = scale(input) by=1/255\n"
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

static const struct { const char *name, *text; } zoo[] = {{"cnn", cnn}};

const char *const td_zoo_names[] = {"cnn", NULL};

const char *td_zoo_text(const char *name) {
    for (size_t i = 0; i < sizeof zoo / sizeof *zoo; i++)
        if (strcmp(zoo[i].name, name) == 0)
            return zoo[i].text;
    return NULL;
}
