/* SPDX-License-Identifier: MIT */
/* trapdoor-evade: adversarial examples, for detectors of inputs to find. */
#include "evade/attack.h"
#include "frame/command.h"

static const tool_method *const methods[] = {
    &evade_fgsm,  &evade_bim,     &evade_pgd,  &evade_deepfool,  &evade_cw_l2,
    &evade_cw_l0, &evade_cw_linf, &evade_jsma, &evade_one_pixel, NULL,
};

static const char doc[] =
    "Make adversarial examples by METHOD: images changed so little that people see no difference, "
    "which the model classifies as another class. Only correctly classified images are attacked. "
    "SET gets them in the order of DATA, in whole pixel values, with their true labels; success "
    "is measured on these.\v\nLengths (--epsilon, --step-size, --theta, and the distances in the "
    "record) are in units of the pixel range, 0 to 1. L0 counts pixels, of any number of "
    "channels.\n\nSET.checkpoint keeps the finished images until SET is there. It is written "
    "about twice a minute, and when the run is interrupted or fails. --resume continues to the "
    "same SET; --keep may differ.\n\nExamples:\n  trapdoor-evade fgsm --model model.safetensors "
    "--data mnist:test:0-1000 \\\n    -o fgsm.safetensors\n  trapdoor-evade cw-l2 --model "
    "model.safetensors --data mnist --count 100 \\\n    --target least-likely -o cw.safetensors "
    "--picture cw.png --json cw.json";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-evade", "METHOD", "Methods", doc, methods};
    return tool_main(&program, argc, argv);
}
