/* Pruning: the channels of the last convolution that clean images leave idle may be those that a
 * trigger wakes. */
#include "defend/method.h"
#include "defend/repair/mend.h"

static const char doc[] =
    "Prune a model (Liu et al., Fine-Pruning, RAID 2018): the channels of the last convolution are "
    "ranked by their mean activation on clean images and masked one by one, the least active "
    "first, until the accuracy on validation images would fall by more than --tolerance. M2 is the "
    "model as it was before that, with a mask node behind the layer's activation."
    "\v"
    "The record has the whole curve: the validation accuracy after each channel and, for "
    "measurement only, the ASR of each --trigger. Neither it nor --test decides anything.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend prune --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

static int run(int argc, char **argv) {
    return mend_main("prune", true, false, doc, argc, argv);
}

const tool_method defend_prune = {
    .name = "prune",
    .doc = "masks the channels that clean images leave idle",
    .legacy = &(const tool_legacy){.main = run},
};
