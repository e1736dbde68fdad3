/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/command.h"

#include "base/text.h"
#include "frame/completion.h"
#include "nn/kernel/kernel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_FIRST = 0x800,    /* of argp's keys for the table's keys, above those of all tools */
    PRINT_FIRST = 0x8000, /* of flags that print a text */
    NAME_SIZE = 128,
    MOST_METHODS = 64,
    MOST_LISTED = 30, /* most methods listed individually in --help */
    LIST_WIDTH = 78,
};

/* The state of parsing: the options for argp, made from the keys. */
typedef struct command {
    const tool_program *program;
    tool_settings
        *settings; /* NULL if no method is named: then only --help and the like are allowed */
    tool_common *common;
    const tool_print *prints; /* the family's, or NULL */
    bool brief; /* shows groups of detail, and families of a long list, only by name */
    struct argp_option *rows;
    td_arena arena;
} command;

static const tool_method *find_method(const tool_method *const *methods, const char *name) {
    for (size_t i = 0; methods[i]; i++)
        if (methods[i]->name && strcmp(methods[i]->name, name) == 0)
            return methods[i];
    return NULL;
}

static bool is_of(const tool_method *method, const char *family) {
    return method->family && strcmp(method->family->name, family) == 0;
}

/* The method named `word`, of a family or (NULL) of any; exits with 2 if there is none. `what` is
 * the word for a method in messages. */
static const tool_method *choose(const tool_program *program, const char *family, const char *what,
                                 const char *word) {
    const char *names[MOST_METHODS + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; program->methods[i] && count < MOST_METHODS; i++)
        if (!family || is_of(program->methods[i], family))
            names[count++] = program->methods[i]->name;
    return find_method(program->methods, names[tool_choice(what, word, names)]);
}

/* --- options from keys --- */

static const td_key *key_at(const command *c, size_t i, const tool_keys **group) {
    return c->settings ? tool_settings_key(c->settings, i, group) : NULL;
}

/* The help text with the default appended. */
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

/* "Training:", or "Training (see --help-all): --epochs, --batch". */
static td_status head(command *c, const tool_keys *group, const char **out, td_error *error) {
    if (!c->brief || !group->detail)
        return td_arena_print(&c->arena, out, error, "%s:", group->title);
    const char *gap = "";
    TD_TRY(td_arena_print(&c->arena, out, error, "%s (see --help-all): ", group->title));
    for (const td_key *key = group->keys; key->name; key++) {
        TD_TRY(td_arena_print(&c->arena, out, error, "%s%s--%s", *out, gap, key->name));
        gap = ", ";
    }
    return TD_OK;
}

static td_status make_rows(command *c, td_error *error) {
    const tool_keys *of, *before = NULL;
    const td_key *key;
    size_t count = 0;
    int group = 1;
    while (key_at(c, count, NULL))
        count++;
    const size_t most = 3 * count + count_prints(c->prints) + 1;
    TD_TRY(TD_ARENA_NEW(&c->arena, most, &c->rows, "options", error));
    count = 0;
    for (size_t i = 0; (key = key_at(c, i, &of)); i++) {
        if (key->argument)
            continue;
        if (of->title && of != before) {
            c->rows[count].group = ++group;
            TD_TRY(head(c, of, &c->rows[count++].doc, error));
        }
        before = of;
        struct argp_option *row = &c->rows[count++];
        *row = (struct argp_option){.name = key->name,
                                    .key = KEY_FIRST + (int)i,
                                    .arg = value_name(key),
                                    .flags = c->brief && of->detail ? OPTION_HIDDEN : 0,
                                    .group = of->title ? group : 1};
        TD_TRY(describe(key, &c->arena, &row->doc, error));
        if (key->alias)
            c->rows[count++] = (struct argp_option){
                .name = key->alias, .key = row->key, .flags = OPTION_ALIAS | OPTION_HIDDEN};
    }
    for (size_t i = 0; i < count_prints(c->prints); i++)
        c->rows[count++] = (struct argp_option){.name = c->prints[i].name,
                                                .key = PRINT_FIRST + (int)i,
                                                .doc = c->prints[i].help,
                                                .group = 1};
    return TD_OK;
}

/* Exits with 2, unless the failure is not about the command line. */
static _Noreturn void refuse(td_status status, const td_error *error) {
    if (status == TD_ERR_MEMORY)
        exit(tool_exit(status, error));
    tool_misuse("%s", error->message);
}

static void set(command *c, const char *name, const char *value) {
    td_error error;
    td_status status = tool_settings_set(c->settings, name, value, &error);
    if (status != TD_OK)
        refuse(status, &error);
}

/* The next positional key, for a word that is not an option. */
static void take_argument(command *c, const char *text) {
    const td_key *key;
    for (size_t i = 0; (key = key_at(c, i, NULL)); i++)
        if (key->argument && (key->many || !tool_settings_given(c->settings, key->name))) {
            set(c, key->name, text);
            return;
        }
    if (find_method(c->program->methods, text))
        tool_misuse("%s: expected it before all options", text);
    if (!c->settings)
        choose(c->program, NULL, c->program->noun, text);
    tool_misuse("unexpected argument \"%s\"", text);
}

/* Checks after the last word. */
static void check(const command *c) {
    td_error error;
    if (!c->settings)
        tool_misuse("expected a %s (see --help), found none", c->program->noun);
    td_status status = tool_settings_check(c->settings, &error);
    if (status != TD_OK)
        refuse(status, &error);
}

static error_t parse(int number, char *text, struct argp_state *state) {
    command *c = state->input;
    if (number >= PRINT_FIRST && (size_t)(number - PRINT_FIRST) < count_prints(c->prints)) {
        c->prints[number - PRINT_FIRST].print(stdout);
        exit(tool_exit(TD_OK, NULL));
    }
    const td_key *key = number >= KEY_FIRST ? key_at(c, (size_t)(number - KEY_FIRST), NULL) : NULL;
    if (key) {
        set(c, key->name, text ? text : "");
        return 0;
    }
    switch (number) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = c->common;
        return 0;
    case ARGP_KEY_ARG:
        take_argument(c, text);
        return 0;
    case ARGP_KEY_END:
        check(c);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- options of other methods --- */

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

/* "--steps: strip has no such option, cleanse and deepinspect have": argp's own message would not
 * say where it belongs. */
static void refuse_foreign(const tool_program *program, const tool_settings *settings, int argc,
                           char **argv) {
    const tool_method *method = settings->method;
    for (int i = 1; method->name && i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *name = argv[i] + 2;
        const size_t length = strncmp(argv[i], "--", 2) == 0 ? strcspn(name, "=") : 0;
        char owners[1024] = "", key[NAME_SIZE];
        size_t used = 0;
        snprintf(key, sizeof key, "%.*s", (int)length, name);
        if (length == 0 || tool_settings_find(settings, key))
            continue;
        for (size_t k = 0; program->methods[k] && used + NAME_SIZE < sizeof owners; k++)
            if (takes(program->methods[k], name, length))
                used += (size_t)snprintf(owners + used, sizeof owners - used, "%s%.100s",
                                         used ? ", " : "", program->methods[k]->name);
        if (used > 0)
            tool_misuse("--%.*s: %s has no such option; expected it with %s", (int)length, name,
                        method->name, owners);
    }
}

/* --- parsing --- */

static size_t count_methods(const tool_program *program, const char *family) {
    size_t count = 0;
    for (size_t i = 0; program->methods[i]; i++)
        count += !family || is_of(program->methods[i], family);
    return count;
}

/* "  detectors: strip, squeeze": the methods of the family. */
static void name_family(const tool_program *program, const char *family, FILE *stream) {
    int column = fprintf(stream, "  %ss:", family);
    const char *gap = " ";
    for (size_t i = 0; program->methods[i]; i++) {
        const char *name = program->methods[i]->name;
        if (!is_of(program->methods[i], family))
            continue;
        if (*gap == ',')
            column += fprintf(stream, ",");
        if (column + (int)strlen(name) + 2 > LIST_WIDTH)
            column = fprintf(stream, "\n   ") - 1;
        column += fprintf(stream, " %s", name);
        gap = ",";
    }
    fputs("\n", stream);
}

/* One line each; for a brief form of a long list, one line per family with several methods. */
static void print_methods(const tool_program *program, bool by_family, FILE *stream) {
    int widest = 0;
    for (size_t i = 0; program->methods[i]; i++) {
        const tool_method *method = program->methods[i];
        const bool joined = by_family && count_methods(program, method->family->name) > 1;
        if (!joined && (int)strlen(method->name) > widest)
            widest = (int)strlen(method->name);
    }
    for (size_t i = 0; program->methods[i]; i++) {
        const tool_method *method = program->methods[i];
        const char *family = method->family->name;
        if (!by_family || count_methods(program, family) == 1)
            fprintf(stream, "  %-*s  %s\n", widest, method->name, method->doc);
        else if (i == 0 || !is_of(program->methods[i - 1], family))
            name_family(program, family, stream);
    }
}

static char *list_methods(int key, const char *text, void *input) {
    const command *c = input;
    const tool_program *program = c->program;
    td_text doc;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)text;
    td_error error;
    if (!td_text_open(&doc))
        refuse(td_fail_memory(&error, "the help text"), &error);
    const bool by_family = c->brief && count_methods(program, NULL) > MOST_LISTED;
    fprintf(doc.stream, "%s (%s --help describes one%s):\n", program->list, program->noun,
            by_family ? ", --help-all has a line on each" : "");
    print_methods(program, by_family, doc.stream);
    fputs(text, doc.stream);
    char *list = td_text_close(&doc);
    if (!list)
        refuse(td_fail_memory(&error, "the help text"), &error);
    return list;
}

/* Parses argv[1] ... argv[argc - 1]; exits with 2 on an error, and with 0 after --help, --usage and
 * --version. */
static void parse_command(command *c, const char *usage, const char *doc, int argc, char **argv) {
    td_error error;
    td_status status = make_rows(c, &error);
    if (status != TD_OK)
        refuse(status, &error);
    /* argp leaks memory over an empty table. */
    const bool empty = c->rows->key == 0 && !c->rows->doc;
    const struct argp argp = {
        empty ? NULL : c->rows, parse, usage, doc, NULL, c->settings ? NULL : list_methods, NULL};
    tool_parse(&argp, argc, argv, c, c->common);
    td_arena_free(&c->arena);
}

/* Without a method's name: prints what argv requests, or exits with 2. */
static int parse_alone(const tool_program *program, int argc, char **argv) {
    const tool_family *family = program->methods[0]->family;
    tool_common common;
    command c = {.program = program,
                 .common = &common,
                 .prints = family ? family->prints : NULL,
                 .brief = tool_help_is_brief(argc, argv)};
    if (tool_is_asked(argc, argv, "--_completion"))
        tool_completion_methods(program->methods, stdout);
    parse_command(&c, program->noun, program->doc, argc, argv);
    return 0;
}

static td_status parse_method(tool_settings *settings, const tool_program *program, int argc,
                              char **argv, td_error *error) {
    const tool_method *method = settings->method;
    const char *doc = method->help;
    command c = {.program = program,
                 .settings = settings,
                 .common = &settings->common,
                 .prints = method->family->prints,
                 .brief = tool_help_is_brief(argc, argv)};
    if (method->source)
        TD_TRY(td_arena_print(&c.arena, &doc, error, "%s (%s): %s", method->title, method->source,
                              method->help));
    refuse_foreign(program, settings, argc, argv);
    if (tool_is_asked(argc, argv, "--_completion"))
        tool_completion_keys(settings, stdout);
    parse_command(&c, method->usage ? method->usage : method->family->usage, doc, argc, argv);
    return TD_OK;
}

/* --- main --- */

/* Opens the settings and parses argv into them. The first word may name a method for this one to
 * run. */
static td_status parse_all(tool_settings *settings, const tool_program *program,
                           const tool_method *method, int argc, char **argv, td_error *error) {
    const char *family = method->guests;
    TD_TRY(tool_settings_open(settings, program->name, method, error));
    if (family && argc > 1 && *argv[1] != '-') {
        const tool_method *guest = choose(program, family, family, argv[1]);
        TD_TRY(tool_settings_invite(settings, guest, error));
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    return parse_method(settings, program, argc, argv, error);
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
    if (td_kernel_check(&error) != TD_OK)
        return tool_exit(TD_ERR_USAGE, &error);
    if (method->name) {
        method = argc > 1 ? find_method(program->methods, argv[1]) : NULL;
        if (!method)
            return parse_alone(program, argc, argv);
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
