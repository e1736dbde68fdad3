/* SPDX-License-Identifier: MIT */
/* trapdoor-eval: measures models on clean and on triggered images. */
#include "eval/eval.h"
#include "frame/command.h"

int main(int argc, char **argv) {
    static const tool_method *const methods[] = {&eval_method, NULL};
    const tool_program program = {.name = "trapdoor-eval", .methods = methods};
    return tool_main(&program, argc, argv);
}
