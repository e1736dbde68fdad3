/* SPDX-License-Identifier: MIT */
/* trapdoor-data: makes data sets from pictures, and shows them. */
#include "command.h"

static const tool_method *const commands[] = {&data_import, &data_info, &data_show, NULL};

static const char doc[] = "Make data sets of pictures, and look at them."
                          "\v\n"
                          "Example:\n"
                          "  trapdoor-data info fashion-mnist";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-data", "COMMAND", "Commands", doc, commands};
    return tool_main(&program, argc, argv);
}
