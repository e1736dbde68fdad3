/* trapdoor-implant: puts a backdoor into a trained model. */
#include "implant/implant.h"

int main(int argc, char **argv) {
    implant_options options;
    td_error error;
    implant_options_parse(&options, argc, argv);
    return tool_exit(implant_run(&options, &error), &error);
}
