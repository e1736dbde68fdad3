#include "data/names.h"

#include <string.h>

static const char *const mnist[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static const char *const fashion_mnist[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                            "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                            "Bag",         "Ankle boot"};

static const char *const cifar10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

/* The 16 most frequent signs of GTSRB as the clean-label paper orders them: speed limits,
 * prohibitions, mandatory and priority signs, dangers (1–5, 7, 9, 10, 17, 12, 13, 35, 38, 11, 18
 * and 25 in the benchmark's own numbers). */
static const char *const gtsrb16[] = {
    "30 km/h",    "50 km/h",       "60 km/h",         "70 km/h",
    "80 km/h",    "100 km/h",      "no passing",      "no passing over 3.5 t",
    "no entry",   "priority road", "yield",           "ahead only",
    "keep right", "right of way",  "general caution", "road work"};

#define CLASSES(names) sizeof(names) / sizeof *(names), names

const td_known_set td_known_sets[] = {
    {"mnist", CLASSES(mnist),
     "put its four files (train-images-idx3-ubyte.gz, ...) in a folder mnist under --data-dir"},
    {"fashion-mnist", CLASSES(fashion_mnist),
     "install the Debian package dataset-fashion-mnist, or put its four files "
     "(train-images-idx3-ubyte.gz, ...) in a folder fashion-mnist under --data-dir"},
    {"cifar10", CLASSES(cifar10),
     "its own layout is not read yet: make it a safetensors set (images, labels) and give its "
     "path"},
    {"gtsrb16", CLASSES(gtsrb16),
     "its own layout is not read yet: make it a safetensors set (images, labels) and give its "
     "path"},
    {0},
};

const td_known_set *td_known_set_find(const char *name, size_t length) {
    for (const td_known_set *known = td_known_sets; known->name; known++)
        if (strlen(known->name) == length && memcmp(known->name, name, length) == 0)
            return known;
    return NULL;
}
