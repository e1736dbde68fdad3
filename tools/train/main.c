/* trapdoor-train: trains a net on a data set. */
#include "train/train.h"

int main(int argc, char **argv) {
    train_options options;
    td_error error;
    train_options_parse(&options, argc, argv);
    return tool_exit(train_run(&options, &error), &error);
}
