/* Fine-tuning on clean images: what a model does not use on them may be forgotten. */
#include "defend/method.h"
#include "defend/repair/mend.h"

static const char doc[] =
    "Fine-tune a model: train it on with all --clean images, by SGD at a small constant learning "
    "rate."
    "\v"
    "Example:\n"
    "  trapdoor-defend finetune --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --trigger square:size=4 --target 0 -o tuned.safetensors\n";

static int run(int argc, char **argv) {
    return mend_main("finetune", false, true, doc, argc, argv);
}

const tool_method defend_finetune = {
    .name = "finetune",
    .doc = "trains the model on with clean images",
    .legacy = &(const tool_legacy){.main = run},
};
