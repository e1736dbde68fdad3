/* trapdoor-defend: finds backdoors in inputs and models. */
#include "defend/method.h"

enum { EXIT_FLAGGED = 3 };

int main(int argc, char **argv) {
    defend_options options;
    td_error error;
    bool flagged = false;
    defend_options_parse(&options, argc, argv);
    int status = tool_exit(options.method->run(&options, &flagged, &error), &error);
    return status == 0 && flagged && options.exit_code ? EXIT_FLAGGED : status;
}
