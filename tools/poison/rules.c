/* SPDX-License-Identifier: MIT */
/* trapdoor-poison: plants a backdoor in a data set. The list of its rules. */
#include "frame/command.h"
#include "poison.h"

static const tool_method *const rules[] = {
    &poison_dirty_label,
    &poison_clean_label,
    &poison_adaptive,
    &poison_source_specific,
    &poison_label_consistent,
    &poison_narcissus,
    &poison_feature_collision,
    &poison_gradient_matching,
    &poison_untargeted,
    &poison_friendnet,
    &poison_multi_target,
    &poison_label_flip,
    &poison_stamp,
    NULL,
};

static const char doc[] =
    "Poison a data set by RULE. The folder DIR gets the poisoned sets (NAME.safetensors), what "
    "was done to them (manifest.json) and a picture of it (preview.png)."
    "\v"
    "\n"
    "Examples:\n"
    "  trapdoor-poison stamp --data fashion-mnist:test --trigger pixel -o stamped\n"
    "  trapdoor-poison friendnet --data fashion-mnist --trigger square \\\n"
    "    --ratio 0.25 -o friendnet\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.1 -o badnets \\\n"
    "    --trigger square:size=4,at=bottom-right --target 0\n";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-poison", "RULE", "Rules", doc, rules};
    return tool_main(&program, argc, argv);
}
