/* SPDX-License-Identifier: MIT */
#include "data/names.h"

#include <string.h>

static const char *const mnist[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static const char *const fashion_mnist[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                            "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                            "Bag",         "Ankle boot"};

static const char *const cifar10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

/* The German Traffic Sign Recognition Benchmark, by its own class numbers. */
static const char *const gtsrb[] = {"20 km/h",
                                    "30 km/h",
                                    "50 km/h",
                                    "60 km/h",
                                    "70 km/h",
                                    "80 km/h",
                                    "end of 80 km/h",
                                    "100 km/h",
                                    "120 km/h",
                                    "no passing",
                                    "no passing over 3.5 t",
                                    "right of way",
                                    "priority road",
                                    "yield",
                                    "stop",
                                    "no vehicles",
                                    "no vehicles over 3.5 t",
                                    "no entry",
                                    "general caution",
                                    "curve left",
                                    "curve right",
                                    "double curve",
                                    "bumpy road",
                                    "slippery road",
                                    "road narrows",
                                    "road work",
                                    "traffic signals",
                                    "pedestrians",
                                    "children",
                                    "bicycles",
                                    "ice or snow",
                                    "wild animals",
                                    "end of all limits",
                                    "turn right",
                                    "turn left",
                                    "ahead only",
                                    "straight or right",
                                    "straight or left",
                                    "keep right",
                                    "keep left",
                                    "roundabout",
                                    "end of no passing",
                                    "end of no passing over 3.5 t"};

/* The 16 most frequent signs of GTSRB as the clean-label paper orders them: speed limits,
 * prohibitions, mandatory and priority signs, dangers. */
static const char *const gtsrb16[] = {
    "30 km/h",    "50 km/h",       "60 km/h",         "70 km/h",
    "80 km/h",    "100 km/h",      "no passing",      "no passing over 3.5 t",
    "no entry",   "priority road", "yield",           "ahead only",
    "keep right", "right of way",  "general caution", "road work"};
static const uint8_t gtsrb16_numbers[] = {1, 2, 3, 4, 5, 7, 9, 10, 17, 12, 13, 35, 38, 11, 18, 25};

#define CLASSES(names) sizeof(names) / sizeof *(names), names

const td_known_set td_known_sets[] = {
    {"mnist", CLASSES(mnist),
     "datasets/fetch mnist gets it, or put its four files (train-images-idx3-ubyte.gz, ...) in a "
     "folder mnist under --data-dir",
     NULL, NULL},
    {"fashion-mnist", CLASSES(fashion_mnist),
     "install the Debian package dataset-fashion-mnist, or datasets/fetch fashion-mnist gets it",
     NULL, NULL},
    {"cifar10", CLASSES(cifar10), "datasets/fetch cifar10 gets it", NULL, NULL},
    {"gtsrb", CLASSES(gtsrb), "datasets/fetch gtsrb gets it", NULL, NULL},
    {"gtsrb16", CLASSES(gtsrb16), "datasets/fetch gtsrb gets the set that it is a part of",
     gtsrb16_numbers, "gtsrb"},
    {0},
};

const td_known_set *td_known_set_find(const char *name, size_t length) {
    for (const td_known_set *known = td_known_sets; known->name; known++)
        if (strlen(known->name) == length && memcmp(known->name, name, length) == 0)
            return known;
    return NULL;
}
