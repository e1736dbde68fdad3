/* Fine-pruning: pruning, then fine-tuning, which brings the accuracy back and meets an attacker who
 * expected the pruning (trapdoor-implant pruning-aware). */
#include "defend/method.h"
#include "defend/repair/mend.h"

static const char doc[] =
    "Fine-prune a model (Liu et al., RAID 2018): prune it, as trapdoor-defend prune does, and then "
    "fine-tune it, as trapdoor-defend finetune does, on the images that the channels were ranked "
    "by. The masks stay."
    "\v"
    "Example:\n"
    "  trapdoor-defend fineprune --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --trigger square:size=4 --target 0 -o mended.safetensors\n";

static int run(int argc, char **argv) {
    return mend_main("fineprune", true, true, doc, argc, argv);
}

const tool_method defend_fineprune = {
    .name = "fineprune",
    .doc = "prunes, then fine-tunes",
    .legacy = &(const tool_legacy){.main = run},
};
