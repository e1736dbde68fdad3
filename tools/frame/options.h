/* SPDX-License-Identifier: MIT */
/* The options common to all tools, as an argp child parser, and their common exit. */
#ifndef TOOLS_FRAME_OPTIONS_H
#define TOOLS_FRAME_OPTIONS_H

#include "base/error.h"
#include "frame/interrupt.h"
#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct tool_common {
    const char *output;   /* -o, or NULL */
    const char *data_dir; /* --data-dir, or NULL */
    const char *json;     /* --json: a path, "-" for stdout, or NULL */
    uint64_t seed;        /* --seed, 1 */
    size_t threads;       /* --threads; 0: one per core */
    bool quiet, force;
} tool_common;

/* Keys of long options without a letter start here in the tools' own tables too; the common ones
 * are above 0x400. */
enum { TOOL_OPTION_BASE = 0x200 };

/* Parses the command line into `input` with the tool's argp, which gets the common options as its
 * only child. Exits with 2 on an error, and with 0 after --help, --usage and --version. Sets the
 * thread count and the handler for Ctrl-C. The child's input is a tool_common *, which the tool's
 * parser passes at ARGP_KEY_INIT: state->child_inputs[0] = &mine.common. The child sets the
 * defaults then. */
void tool_parse(const struct argp *argp, int argc, char **argv, void *input,
                const tool_common *common);

/* Whether `word` is among the arguments before "--". */
bool tool_is_asked(int argc, char **argv, const char *word);

/* Whether --help is given, which only names rarely used options; --help-all describes them. */
bool tool_help_is_brief(int argc, char **argv);

/* Parse option values. On an error: one line that names the option and the allowed values, exit 2.
 * `option` is as the user writes it ("--ratio"). */

/* Decimal digits only, in [least, most]; SIZE_MAX for no upper limit. */
size_t tool_count(const char *option, const char *text, size_t least, size_t most);

/* One of `names` (NULL-terminated); returns its index. */
size_t tool_choice(const char *option, const char *text, const char *const *names);

/* An invalid command line: prints one line "TOOL: MESSAGE" on stderr, exits with 2. */
_Noreturn void tool_misuse(const char *format, ...) TD_PRINTF(1, 2);

/* Prints the line "TOOL: MESSAGE" on stderr, for something that may surprise the user. */
void tool_note(const char *message);

/* Exit statuses besides 0 and 1: an invalid command line, and something flagged, with --exit-code.
 */
enum { TOOL_EXIT_MISUSED = 2, TOOL_EXIT_FLAGGED = 3 };

/* Ends a tool: prints the error's line on stderr, unless status is TD_OK, and returns the exit
 * status: 0 done, 1 failed or interrupted, 2 used wrongly. A failed write to stdout is a failure.
 */
int tool_exit(td_status status, const td_error *error);

#endif
