/* SPDX-License-Identifier: MIT */
/* trapdoor-defend: finds backdoors in inputs and models, and removes them. */
#include "defend/method.h"

static const char doc[] =
    "Defend a model by METHOD: detectors find inputs with a trigger, inspectors find backdoors in "
    "a model, repairs remove them, filters find poisoned training images. The images that "
    "calibrate or repair and those that evaluate must differ.\v\nExample:\n  trapdoor-defend "
    "strip --model model.safetensors \\\n    --clean fashion-mnist:test:0-2000 --benign "
    "fashion-mnist:test:2000-4000 \\\n    --suspect inbox";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-defend", "METHOD", "Methods", doc, defend_methods};
    return tool_main(&program, argc, argv);
}
