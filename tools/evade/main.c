/* trapdoor-evade: adversarial examples, for detectors of inputs to find. */
#include "evade/evade.h"

int main(int argc, char **argv) {
    evade_options options;
    td_error error;
    evade_options_parse(&options, argc, argv);
    return tool_exit(evade_run(&options, &error), &error);
}
