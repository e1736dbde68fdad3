#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/options.h"

#include "base/parallel.h"
#include "frame/completion.h"
#include "nn/kernel/kernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_SEED = 0x400,
    KEY_THREADS,
    KEY_JSON,
    KEY_FORCE,
    KEY_DATA_DIR,
    KEY_USAGE,
    KEY_VERSION,
    KEY_COMPLETION,
};

/* A record holds the seed as a JSON integer, which jansson keeps in a signed one. */
#define LARGEST_SEED ((size_t)INT64_MAX)

enum { MOST_THREADS = 1024 };

static const struct argp_option options[] = {
    {"output", 'o', "PATH", 0, "Write to PATH", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of every random draw (1)", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads to use (one per core); results do not depend on it",
     0},
    {"json", KEY_JSON, "FILE", 0, "Write the record of the run to FILE; - is standard output", 0},
    {"quiet", 'q', NULL, 0, "No progress line", 0},
    {"force", KEY_FORCE, NULL, 0, "Replace files that exist", 0},
    {"data-dir", KEY_DATA_DIR, "DIR", 0, "Look for data sets named on the command line in DIR", 0},
    {"help", 'h', NULL, 0, "Print this help", -1},
    {"usage", KEY_USAGE, NULL, 0, "Print a short usage message", -1},
    {"version", KEY_VERSION, NULL, 0, "Print the version and the BLAS core", -1},
    /* For completion alone; its name cuts no abbreviation of another option short. */
    {"_completion", KEY_COMPLETION, NULL, OPTION_HIDDEN, NULL, -1},
    {0},
};

/* argp would leave by itself, without a look at whether its text could be written. One that fits
 * the buffer is written at the end, where the reason for a failure can still be told. */
static _Noreturn void show_help(struct argp_state *state, unsigned what) {
    char buffer[1 << 15];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    argp_state_help(state, stdout, what & ~(unsigned)ARGP_HELP_EXIT_OK);
    exit(tool_exit(TD_OK, NULL));
}

static _Noreturn void show_version(const struct argp_state *state) {
    printf("%s %s (kernel %s, OpenBLAS core %s)\n", state->name, TD_VERSION, td_kernel_used()->name,
           td_blas_core());
    exit(tool_exit(TD_OK, NULL));
}

static error_t parse_common(int key, char *text, struct argp_state *state) {
    tool_common *common = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        *common = (tool_common){.seed = 1};
        return 0;
    case 'o':
        common->output = text;
        return 0;
    case KEY_SEED:
        common->seed = tool_count("--seed", text, 0, LARGEST_SEED, state);
        return 0;
    case KEY_THREADS:
        common->threads = tool_count("--threads", text, 1, MOST_THREADS, state);
        return 0;
    case KEY_JSON:
        common->json = text;
        return 0;
    case 'q':
        common->quiet = true;
        return 0;
    case KEY_FORCE:
        common->force = true;
        return 0;
    case KEY_DATA_DIR:
        common->data_dir = text;
        return 0;
    case 'h':
        show_help(state, ARGP_HELP_STD_HELP);
    case KEY_USAGE:
        show_help(state, ARGP_HELP_USAGE);
    case KEY_VERSION:
        show_version(state);
    case KEY_COMPLETION:
        tool_completion_print(state->root_argp, stdout);
        exit(tool_exit(TD_OK, NULL));
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp common_argp = {options, parse_common, NULL, NULL, NULL, NULL, NULL};

const struct argp_child tool_common_children[] = {
    {&common_argp, 0, "Options of all tools:", -2},
    {0},
};

void tool_parse(const struct argp *argp, int argc, char **argv, void *input,
                const tool_common *common) {
    argp_err_exit_status = 2;
    if (argc > 0)
        argv[0] = program_invocation_short_name; /* getopt's messages begin with it */
    error_t failed = argp_parse(argp, argc, argv, ARGP_NO_HELP, NULL, input);
    if (failed) /* argp leaves by itself on a wrong command line, so this is its memory */
        tool_misuse(NULL, "the command line could not be parsed: %s", strerror(failed));
    td_set_threads(common->threads);
    tool_catch_interrupts();
}
