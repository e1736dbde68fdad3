#include "frame/method.h"

#include "frame/options.h"

int tool_methods_main(const tool_method *const *methods, const char *doc, int argc, char **argv) {
    const tool_program program = {"trapdoor", "METHOD", "Methods", doc, methods};
    return tool_main(&program, argc, argv);
}
