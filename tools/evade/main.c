/* trapdoor-evade: adversarial examples, for detectors of inputs to find. */
#include "evade/attack.h"
#include "frame/command.h"

static const tool_method *const methods[] = {
    &evade_fgsm,  &evade_bim,     &evade_pgd,  &evade_deepfool,  &evade_cw_l2,
    &evade_cw_l0, &evade_cw_linf, &evade_jsma, &evade_one_pixel, NULL,
};

static const char doc[] =
    "Make adversarial examples by METHOD: images so little changed that people see the same, and "
    "that the model takes for another class. Only images that it classifies rightly are attacked. "
    "They are written to SET, in the order of DATA, in whole pixel values, under their true "
    "labels; success is what the model says of these."
    "\v"
    "\n"
    "Lengths (--epsilon, --step-size, --theta, and the distances in the record) are in units of "
    "the pixel range, 0 to 1. L0 counts pixels, of any number of channels.\n"
    "\n"
    "Until SET is there, SET.checkpoint keeps the images that are finished: written about twice a "
    "minute, and when the run is interrupted or fails. --resume goes on from it to the same SET, "
    "and may have another --keep.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-evade fgsm --model model.safetensors --data mnist:test:0-1000 \\\n"
    "    -o fgsm.safetensors\n"
    "  trapdoor-evade cw-l2 --model model.safetensors --data mnist --count 100 \\\n"
    "    --target least-likely -o cw.safetensors --picture cw.png --json cw.json";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-evade", "METHOD", "Methods", doc, methods};
    return tool_main(&program, argc, argv);
}
