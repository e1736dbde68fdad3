/* trapdoor-eval: measures models on clean and on triggered images. */
#include "eval/eval.h"

int main(int argc, char **argv) {
    eval_options options;
    td_error error;
    eval_options_parse(&options, argc, argv);
    return tool_exit(eval_run(&options, &error), &error);
}
