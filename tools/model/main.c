/* SPDX-License-Identifier: MIT */
/* trapdoor-model: converts and inspects model files. */
#include "command.h"

static const tool_method *const commands[] = {&model_import, &model_export,   &model_compare,
                                              &model_info,   &model_show_net, NULL};

static const char doc[] = "Read, convert and compare model files."
                          "\v\n"
                          "Example:\n"
                          "  trapdoor-model info resnet18.pth";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-model", "COMMAND", "Commands", doc, commands};
    return tool_main(&program, argc, argv);
}
