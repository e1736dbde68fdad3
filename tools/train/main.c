/* trapdoor-train: trains a net on a data set. */
#include "frame/command.h"
#include "train/train.h"

int main(int argc, char **argv) {
    static const tool_method *const methods[] = {&train_method, NULL};
    const tool_program program = {.name = "trapdoor-train", .methods = methods};
    return tool_main(&program, argc, argv);
}
