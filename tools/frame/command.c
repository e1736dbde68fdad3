#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/command.h"

#include "frame/completion.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_FIRST = 0x800,    /* of the keys' numbers for argp, above those of all tools */
    PRINT_FIRST = 0x8000, /* of flags that print a text */
    NAME_SIZE = 128,
};

/* One parse: the options for argp, made of the keys. */
typedef struct command {
    const tool_program *program;
    tool_settings *settings;
    const tool_print *prints; /* the family's, or NULL */
    struct argp_option *rows;
    td_arena arena;
} command;

static const tool_method *find_method(const tool_method *const *methods, const char *name) {
    for (size_t i = 0; methods[i]; i++)
        if (methods[i]->name && strcmp(methods[i]->name, name) == 0)
            return methods[i];
    return NULL;
}

/* --- options from keys --- */

/* The help with the default behind it, which the text does not repeat. */
static td_status describe(const td_key *key, td_arena *arena, const char **out, td_error *error) {
    *out = key->help;
    if (!key->standard)
        return TD_OK;
    const char *standard = strcmp(key->standard, "inf") == 0 ? "no limit" : key->standard;
    return td_arena_print(arena, out, error, "%s (%s)", key->help, standard);
}

static const char *value_name(const td_key *key) {
    return key->kind == TD_KEY_FLAG ? NULL : key->value ? key->value : "VALUE";
}

static size_t count_prints(const tool_print *prints) {
    size_t count = 0;
    while (prints && prints[count].name)
        count++;
    return count;
}

static void set_print_rows(const tool_print *prints, struct argp_option *rows) {
    for (size_t i = 0; i < count_prints(prints); i++)
        rows[i] = (struct argp_option){
            .name = prints[i].name, .key = PRINT_FIRST + (int)i, .doc = prints[i].help, .group = 1};
}

/* Ends the program where the option is one that prints a text. */
static void print_and_leave(const tool_print *prints, int number) {
    if (number < PRINT_FIRST || number - PRINT_FIRST >= (int)count_prints(prints))
        return;
    prints[number - PRINT_FIRST].print(stdout);
    exit(tool_exit(TD_OK, NULL));
}

static td_status make_rows(command *c, td_error *error) {
    const char *title, *before = NULL;
    const td_key *key;
    size_t count = 0;
    int group = 1;
    while (tool_settings_key(c->settings, count, &title))
        count++;
    const size_t most = 3 * count + count_prints(c->prints) + 1;
    TD_TRY(TD_ARENA_NEW(&c->arena, most, &c->rows, "options", error));
    count = 0;
    for (size_t i = 0; (key = tool_settings_key(c->settings, i, &title)); i++) {
        if (key->argument)
            continue;
        if (title && title != before)
            c->rows[count++] = (struct argp_option){.doc = title, .group = ++group};
        before = title;
        struct argp_option *row = &c->rows[count++];
        *row = (struct argp_option){
            .name = key->name, .key = KEY_FIRST + (int)i, .arg = value_name(key), .group = group};
        TD_TRY(describe(key, &c->arena, &row->doc, error));
        if (key->alias)
            c->rows[count++] = (struct argp_option){
                .name = key->alias, .key = row->key, .flags = OPTION_ALIAS | OPTION_HIDDEN};
    }
    set_print_rows(c->prints, c->rows + count);
    return TD_OK;
}

static void set(command *c, const char *name, const char *value, const struct argp_state *state) {
    td_error error;
    if (tool_settings_set(c->settings, name, value, &error) != TD_OK)
        tool_misuse(state, "%s", error.message);
}

/* The next key that stands by its place, for a word that is no option. */
static void take_argument(command *c, const char *text, struct argp_state *state) {
    const char *title;
    const td_key *key;
    for (size_t i = 0; (key = tool_settings_key(c->settings, i, &title)); i++)
        if (key->argument && (key->many || !tool_settings_given(c->settings, key->name))) {
            set(c, key->name, text, state);
            return;
        }
    if (find_method(c->program->methods, text))
        tool_misuse(state, "%s: expected it before all options", text);
    tool_misuse(state, "unexpected argument \"%s\"", text);
}

static error_t parse(int number, char *text, struct argp_state *state) {
    command *c = state->input;
    const char *title;
    print_and_leave(c->prints, number);
    const td_key *key = number >= KEY_FIRST
                            ? tool_settings_key(c->settings, (size_t)(number - KEY_FIRST), &title)
                            : NULL;
    td_error error;
    if (key) {
        set(c, key->name, text ? text : "", state);
        return 0;
    }
    switch (number) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->settings->common;
        return 0;
    case ARGP_KEY_ARG:
        take_argument(c, text, state);
        return 0;
    case ARGP_KEY_END:
        if (tool_settings_check(c->settings, &error) != TD_OK)
            tool_misuse(state, "%s", error.message);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- words that only other methods know --- */

static bool has_key(const tool_keys *groups, const char *name, size_t length) {
    for (; groups && groups->keys; groups++)
        for (const td_key *key = groups->keys; key->name; key++)
            if (strncmp(key->name, name, length) == 0 && key->name[length] == '\0')
                return true;
    return false;
}

static bool takes(const tool_method *method, const char *name, size_t length) {
    return has_key(method->family->groups, name, length) || has_key(method->groups, name, length);
}

/* "--steps: strip has no such option, cleanse and deepinspect have": argp's own words would not say
 * where it belongs. */
static void refuse_foreign(const tool_program *program, const tool_settings *settings, int argc,
                           char **argv) {
    const tool_method *method = settings->method;
    for (int i = 1; method->name && i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *name = argv[i] + 2;
        const size_t length = strncmp(argv[i], "--", 2) == 0 ? strcspn(name, "=") : 0;
        char owners[256] = "", key[NAME_SIZE];
        size_t used = 0;
        snprintf(key, sizeof key, "%.*s", (int)length, name);
        if (length == 0 || tool_settings_find(settings, key))
            continue;
        for (size_t k = 0; program->methods[k] && used + NAME_SIZE < sizeof owners; k++)
            if (takes(program->methods[k], name, length))
                used += (size_t)snprintf(owners + used, sizeof owners - used, "%s%.100s",
                                         used ? ", " : "", program->methods[k]->name);
        if (used > 0)
            tool_misuse(NULL, "--%.*s: %s has no such option; expected it with %s", (int)length,
                        name, method->name, owners);
    }
}

/* --- parsing --- */

/* argp leaks memory over an empty table. */
static const struct argp_option *some_rows(const struct argp_option *rows) {
    return rows->key != 0 || rows->doc ? rows : NULL;
}

/* The rows, and "TITLE (SOURCE): HELP" as *doc. */
static td_status prepare(command *c, const char **doc, td_error *error) {
    const tool_method *method = c->settings->method;
    *doc = method->help;
    TD_TRY(make_rows(c, error));
    return method->source ? td_arena_print(&c->arena, doc, error, "%s (%s): %s", method->title,
                                           method->source, method->help)
                          : TD_OK;
}

/* Gives the settings the options in argv[1] ... argv[argc - 1]; exits with 2 on a wrong one, and
 * with 0 after --help, --usage and --version. */
static void parse_command(tool_settings *settings, const tool_program *program, int argc,
                          char **argv) {
    const tool_method *method = settings->method;
    command c = {.program = program, .settings = settings, .prints = method->family->prints};
    const char *doc;
    td_error error;
    if (prepare(&c, &doc, &error) != TD_OK)
        tool_misuse(NULL, "%s", error.message);
    refuse_foreign(program, settings, argc, argv);
    if (tool_completion_is_asked(argc, argv))
        tool_completion_keys(settings, stdout);
    const struct argp argp = {some_rows(c.rows),
                              parse,
                              method->usage ? method->usage : method->family->usage,
                              doc,
                              tool_common_children,
                              NULL,
                              NULL};
    tool_parse(&argp, argc, argv, &c, &settings->common);
    td_arena_free(&c.arena);
}

/* --- the list of methods --- */

typedef struct chooser {
    const tool_program *program;
    const tool_print *prints; /* of the methods' family, or NULL */
    tool_common common;
} chooser;

enum { MOST_PRINTS = 8 };

static error_t choose(int key, char *text, struct argp_state *state) {
    chooser *c = state->input;
    const char *names[64] = {NULL};
    print_and_leave(c->prints, key);
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case ARGP_KEY_ARG:
        if (find_method(c->program->methods, text))
            tool_misuse(state, "%s: expected it before all options", text);
        for (size_t i = 0; c->program->methods[i] && i + 1 < sizeof names / sizeof *names; i++)
            names[i] = c->program->methods[i]->name;
        tool_choice(c->program->noun, text, names, state);
        return 0;
    case ARGP_KEY_END:
        tool_misuse(NULL, "expected a %s (see --help), found none", c->program->noun);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *list_methods(int key, const char *text, void *input) {
    const tool_program *program = ((const chooser *)input)->program;
    char *doc = NULL;
    size_t size = 0;
    int widest = 0;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)text;
    FILE *stream = open_memstream(&doc, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "%s (%s --help tells the options of each):\n", program->list, program->noun);
    for (size_t i = 0; program->methods[i]; i++)
        if ((int)strlen(program->methods[i]->name) > widest)
            widest = (int)strlen(program->methods[i]->name);
    for (size_t i = 0; program->methods[i]; i++)
        fprintf(stream, "  %-*s  %s\n", widest, program->methods[i]->name,
                program->methods[i]->doc);
    fputs(text, stream);
    fclose(stream);
    return doc;
}

/* Without a method's name: prints what argv asks for, or exits with 2. */
static int choose_none(const tool_program *program, int argc, char **argv) {
    const tool_family *family = program->methods[0]->family;
    chooser c = {.program = program, .prints = family ? family->prints : NULL};
    struct argp_option rows[MOST_PRINTS + 1] = {{0}};
    if (count_prints(c.prints) <= MOST_PRINTS)
        set_print_rows(c.prints, rows);
    if (tool_completion_is_asked(argc, argv))
        tool_completion_methods(program->methods, stdout);
    const struct argp argp = {some_rows(rows),      choose,       program->noun, program->doc,
                              tool_common_children, list_methods, NULL};
    tool_parse(&argp, argc, argv, &c, &c.common);
    return 0;
}

/* --- main --- */

static bool is_of(const tool_method *method, const char *family) {
    return method->family && strcmp(method->family->name, family) == 0;
}

/* The first word is the name of a method that this one runs. */
static td_status invite(tool_settings *settings, const tool_program *program, const char *word,
                        td_error *error) {
    enum { MOST = 64 };
    const tool_method *guests[MOST];
    const char *names[MOST + 1] = {NULL}, *family = settings->method->guests;
    size_t count = 0;
    for (size_t i = 0; program->methods[i] && count < MOST; i++)
        if (is_of(program->methods[i], family)) {
            names[count] = program->methods[i]->name;
            guests[count++] = program->methods[i];
        }
    return tool_settings_invite(settings, guests[tool_choice(family, word, names, NULL)], error);
}

/* Opens the settings and parses argv into them. */
static td_status parse_all(tool_settings *settings, const tool_program *program,
                           const tool_method *method, int argc, char **argv, td_error *error) {
    TD_TRY(tool_settings_open(settings, program->name, method, error));
    if (method->guests && argc > 1 && *argv[1] != '-') {
        TD_TRY(invite(settings, program, argv[1], error));
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    parse_command(settings, program, argc, argv);
    return TD_OK;
}

static td_status execute(tool_run *run, const tool_settings *settings, td_error *error) {
    TD_TRY(tool_run_execute(run, settings, error));
    if (tool_record_to_stdout(&settings->common))
        return tool_record_write(&run->record, stdout, "standard output", error);
    tool_run_print(run, stdout);
    return TD_OK;
}

int tool_main(const tool_program *program, int argc, char **argv) {
    const tool_method *method = program->methods[0];
    char name[NAME_SIZE];
    tool_settings settings;
    tool_run run = {.deadline = INFINITY};
    td_error error;
    if (method->name) {
        method = argc > 1 ? find_method(program->methods, argv[1]) : NULL;
        if (!method)
            return choose_none(program, argc, argv);
        snprintf(name, sizeof name, "%s %s", program_invocation_short_name, method->name);
        program_invocation_short_name = name;
        argc--;
        argv++;
    }
    td_status done = parse_all(&settings, program, method, argc, argv, &error);
    if (done == TD_OK)
        done = execute(&run, &settings, &error);
    const int status = tool_exit(done, &error);
    const bool flagged = run.flagged && tool_settings_given(&settings, "exit-code");
    const bool failed = run.failed;
    tool_run_close(&run);
    tool_settings_close(&settings);
    return status != 0 ? status : flagged ? TOOL_EXIT_FLAGGED : failed;
}
