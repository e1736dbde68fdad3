/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/options.h"

#include "base/parallel.h"
#include "base/text.h"
#include "frame/completion.h"
#include "nn/kernel/kernel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- exit --- */

/* A message may quote a file's content; control characters in it must not reach the terminal. */
void tool_note(const char *message) {
    char line[sizeof(td_error)];
    size_t length = 0;
    for (; message[length] && length < sizeof line - 1; length++) {
        unsigned char byte = (unsigned char)message[length];
        line[length] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    line[length] = '\0';
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

/* A full disk may only show when buffered results are flushed. */
static td_status flush_results(td_error *error) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "standard output: %s", strerror(errno ? errno : EIO));
}

int tool_exit(td_status status, const td_error *error) {
    if (status != TD_OK)
        tool_note(error->message);
    td_error unwritten;
    td_status flushed = flush_results(&unwritten);
    if (status == TD_OK && flushed != TD_OK) {
        tool_note(unwritten.message);
        status = flushed;
    }
    return status == TD_OK ? 0 : status == TD_ERR_USAGE ? TOOL_EXIT_MISUSED : 1;
}

/* argp_failure would print "(null)" if memory runs out. */
_Noreturn void tool_misuse(const char *format, ...) {
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    tool_note(message);
    exit(TOOL_EXIT_MISUSED);
}

size_t tool_count(const char *option, const char *text, size_t least, size_t most) {
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    /* strtoull also accepts blanks and signs, and converts -1 to the largest number. */
    bool digits = *text && text[strspn(text, "0123456789")] == '\0';
    if (digits && errno == 0 && value >= least && value <= most)
        return (size_t)value;
    if (most == SIZE_MAX)
        tool_misuse("%s: expected a whole number of at least %zu, found \"%s\"", option, least,
                    text);
    tool_misuse("%s: expected a whole number from %zu to %zu, found \"%s\"", option, least, most,
                text);
}

size_t tool_choice(const char *option, const char *text, const char *const *names) {
    char allowed[512];
    size_t used = 0;
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
        int length =
            snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", names[i]);
        if (length > 0 && used + (size_t)length < sizeof allowed)
            used += (size_t)length;
    }
    tool_misuse("%s: expected one of %.*s, found \"%s\"", option, (int)used, allowed, text);
}

/* --- the options of all tools --- */

enum {
    KEY_SEED = 0x400,
    KEY_THREADS,
    KEY_JSON,
    KEY_FORCE,
    KEY_DATA_DIR,
    KEY_HELP_ALL,
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
    {"threads", KEY_THREADS, "N", 0, "Threads (one per core); they change no result", 0},
    {"json", KEY_JSON, "FILE", 0, "Write the record to FILE (- for standard output)", 0},
    {"quiet", 'q', NULL, 0, "No progress line", 0},
    {"force", KEY_FORCE, NULL, 0, "Replace files that exist", 0},
    {"data-dir", KEY_DATA_DIR, "DIR", 0, "Look for named data sets in DIR", 0},
    {"help", 'h', NULL, 0, "Print help in brief, or on all options", -1},
    {"help-all", KEY_HELP_ALL, NULL, OPTION_ALIAS, NULL, -1},
    {"usage", KEY_USAGE, NULL, 0, "Print a short usage message", -1},
    {"version", KEY_VERSION, NULL, 0, "Print the version and the BLAS core", -1},
    /* Only for completion; its name does not make the abbreviation of another option ambiguous. */
    {"_completion", KEY_COMPLETION, NULL, OPTION_HIDDEN, NULL, -1},
    {0},
};

bool tool_is_asked(int argc, char **argv, const char *word) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

bool tool_help_is_brief(int argc, char **argv) {
    return tool_is_asked(argc, argv, "--help") || tool_is_asked(argc, argv, "-h");
}

static _Noreturn void refuse_help(void) {
    td_error error;
    exit(tool_exit(td_fail_memory(&error, "the help text"), &error));
}

/* When argp's buffer is nearly full, it indents a line at the wrong place (glibc 2.36,
 * argp-fmtstream.c). The buffer is as large as the longest text so far: this filler line before the
 * program's text makes it large enough, and is removed again. */
enum { FILLER = 1 << 15 };

/* The text with such a line before it. The caller frees it. */
static char *fill(const char *doc) {
    char *filled = malloc(FILLER + strlen(doc) + 2);
    if (!filled)
        refuse_help();
    memset(filled, '-', FILLER);
    filled[FILLER] = '\n';
    memcpy(filled + FILLER + 1, doc, strlen(doc) + 1);
    return filled;
}

/* Prints the text without it. */
static void print_unfilled(const char *text) {
    while (*text) {
        const size_t length = strcspn(text, "\n") + (strchr(text, '\n') ? 1 : 0);
        if (length < FILLER)
            fwrite(text, 1, length, stdout);
        text += length;
    }
}

/* argp would exit itself, without checking whether its text could be written. Text that fits the
 * buffer is written at the end, where the reason for a failure is still known. */
static _Noreturn void show_help(struct argp_state *state, unsigned what) {
    char buffer[1 << 15];
    td_text help;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* saves three lines */
    if (!td_text_open(&help))
        refuse_help();
    argp_state_help(state, help.stream, what & ~(unsigned)ARGP_HELP_EXIT_OK);
    char *text = td_text_close(&help);
    if (!text)
        refuse_help();
    print_unfilled(text);
    free(text);
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
        common->seed = tool_count("--seed", text, 0, LARGEST_SEED);
        return 0;
    case KEY_THREADS:
        common->threads = tool_count("--threads", text, 1, MOST_THREADS);
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
    case KEY_HELP_ALL:
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

enum { OPTION_COUNT = sizeof options / sizeof *options };

/* For hidden options. */
static const char names[] = "Options of all tools (see --help-all): --data-dir, --force, --json, "
                            "--output (-o), --quiet (-q), "
                            "--seed, --threads, --usage, --version";

/* Hides the options listed in `names`. */
static void shorten(struct argp_option *rows) {
    for (struct argp_option *row = rows; row->name; row++)
        if (row->key != 'h' && row->key != KEY_HELP_ALL)
            row->flags |= OPTION_HIDDEN;
}

void tool_parse(const struct argp *argp, int argc, char **argv, void *input,
                const tool_common *common) {
    const bool brief = tool_help_is_brief(argc, argv);
    struct argp_option rows[OPTION_COUNT];
    const struct argp child = {rows, parse_common, NULL, NULL, NULL, NULL, NULL};
    const struct argp_child children[] = {{&child, 0, brief ? names : "Options of all tools:", -2},
                                          {0}};
    struct argp whole = *argp;
    whole.children = children;
    char *filled = NULL;
    memcpy(rows, options, sizeof rows);
    if (brief)
        shorten(rows);
    if (brief || tool_is_asked(argc, argv, "--help-all"))
        whole.doc = filled = fill(argp->doc);
    argp_err_exit_status = TOOL_EXIT_MISUSED;
    if (argc > 0)
        argv[0] = program_invocation_short_name; /* getopt's messages begin with it */
    /* ARGP_IN_ORDER: options may follow other words, with POSIXLY_CORRECT as well. */
    error_t failed = argp_parse(&whole, argc, argv, ARGP_NO_HELP | ARGP_IN_ORDER, NULL, input);
    free(filled);
    td_error error;
    if (failed) /* argp exits itself on a wrong command line, so this is a memory failure */
        exit(tool_exit(
            td_fail(&error, TD_ERR_MEMORY, "parsing the command line: %s", strerror(failed)),
            &error));
    td_set_threads(common->threads);
    tool_catch_interrupts();
}
