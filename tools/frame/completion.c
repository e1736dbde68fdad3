/* SPDX-License-Identifier: MIT */
#include "frame/completion.h"

#include "nn/net.h"
#include "trigger/trigger.h"
#include <ctype.h>
#include <string.h>

/* --- options --- */

static void print_option(const struct argp_option *option, const char *value, FILE *stream) {
    const char *gap = value ? " " : "";
    value = value ? value : "";
    if (option->name)
        fprintf(stream, "--%s%s%s\n", option->name, gap, value);
    if (option->key > 0 && option->key <= 0x7f && isgraph(option->key))
        fprintf(stream, "-%c%s%s\n", option->key, gap, value);
}

static void print_options(const struct argp *argp, FILE *stream) {
    const char *value = NULL; /* an alias has the value of the previous option */
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++) {
        if (!(o->flags & OPTION_ALIAS))
            value = o->arg;
        if (!(o->flags & (OPTION_HIDDEN | OPTION_DOC)))
            print_option(o, value, stream);
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        print_options(child->argp, stream);
}

/* The first word in capitals before any option: RULE of "RULE --data DATA". */
static void print_argument(const char *args, FILE *stream) {
    for (const char *at = args ? args : ""; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (*at == '-' || *at == '[')
            return;
        if (isupper((unsigned char)*at)) {
            length = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
            fprintf(stream, "* %.*s\n", (int)length, at);
            return;
        }
        at += length;
    }
}

/* --- words --- */

/* Prints the possible values of a key, each after `lead`. */
static void print_words(const char *lead, const td_key *key, FILE *stream) {
    static const char *const anchors[] = {"top-left",     "top-right", "bottom-left",
                                          "bottom-right", "center",    NULL};
    const char *const *words = key->kind == TD_KEY_WORD       ? key->words
                               : key->kind == TD_KEY_POSITION ? anchors
                                                              : NULL;
    for (size_t i = 0; words && words[i]; i++)
        fprintf(stream, "%s%s=%s\n", lead, key->name, words[i]);
}

static void print_family(size_t number, FILE *stream) {
    const char *name = td_trigger_family_name(number);
    char lead[64];
    snprintf(lead, sizeof lead, "TRIGGER=%s:", name);
    fprintf(stream, "%s\t%s\n", lead, td_trigger_family_doc(number));
    for (const td_key *key = td_trigger_family_keys(number); key->name; key++) {
        fprintf(stream, "%s%s=\n", lead, key->name);
        print_words(lead, key, stream);
    }
}

void tool_completion_keys(const tool_settings *settings, FILE *stream) {
    const td_key *key;
    for (size_t i = 0; (key = tool_settings_key(settings, i, NULL)); i++)
        if (!key->argument)
            print_words("--", key, stream);
}

void tool_completion_methods(const tool_method *const *methods, FILE *stream) {
    for (size_t i = 0; methods[i]; i++)
        fprintf(stream, "*=%s\t%s\n", methods[i]->name, methods[i]->doc);
}

void tool_completion_print(const struct argp *argp, FILE *stream) {
    print_argument(argp->args_doc, stream);
    print_options(argp, stream);
    for (size_t i = 0; td_zoo_names[i]; i++)
        fprintf(stream, "NET=%s\n", td_zoo_names[i]);
    for (size_t i = 0; td_trigger_family_name(i); i++)
        print_family(i, stream);
}
