/* trapdoor-poison: plants a backdoor in a data set. */
#include "frame/command.h"
#include "poison.h"

static const tool_method *const rules[] = {
    &poison_dirty_label,
    &poison_clean_label,
    &poison_friendnet,
    &poison_multi_target,
    &poison_label_flip,
    &poison_stamp,
    NULL,
};

static const char doc[] =
    "Poisons a data set by RULE and writes the poisoned sets, what was done to them, and a picture "
    "of it to the folder DIR: NAME.safetensors, manifest.json, preview.png."
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
