/* The options that every tool has, as an argp child parser, and the tools' common way of ending. */
#ifndef TOOLS_COMMON_OPTIONS_H
#define TOOLS_COMMON_OPTIONS_H

#include "base/error.h"
#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tool_common {
    const char *output;   /* -o, or NULL */
    const char *data_dir; /* --data-dir, or NULL */
    const char *json;     /* --json: a path, "-" for stdout, or NULL */
    uint64_t seed;        /* --seed, 1 */
    size_t threads;       /* --threads; 0: one per core */
    bool quiet, force;
} tool_common;

/* Keys for long options that have no letter start here in the tools' own tables, too; the common
 * ones are above 0x400. */
enum { TOOL_OPTION_BASE = 0x200 };

/* Child parser; its input is a tool_common *, which a tool's parser hands over at ARGP_KEY_INIT:
 * state->child_inputs[0] = &mine.common. */
extern const struct argp_child tool_common_children[];

/* Parses the command line into `input` with the tool's argp; exits with 2 on a wrong one. Sets the
 * thread count and the handler for Ctrl-C. */
void tool_parse(const struct argp *argp, int argc, char **argv, void *input,
                const tool_common *common);

/* Values of options. On a wrong one: one line that names the option and what is allowed, exit 2. */
size_t tool_count(const char *option, const char *text, size_t least, size_t most,
                  struct argp_state *state);
double tool_real(const char *option, const char *text, double least, double most,
                 struct argp_state *state);
/* One of `names` (NULL-terminated); returns its place. */
size_t tool_choice(const char *option, const char *text, const char *const *names,
                   struct argp_state *state);

/* Prints the error's line on stderr, unless status is TD_OK, and gives the tool's exit status: 0
 * done, 1 failed, 2 used wrongly. */
int tool_exit(td_status status, const td_error *error);

/* True once Ctrl-C (or SIGTERM, SIGHUP) was received; long loops ask and stop with
 * TD_ERR_INTERRUPTED. A second one kills. */
bool tool_interrupted(void);

#endif
