#include "frame/completion.h"

#include "nn/net.h"
#include "trigger/trigger.h"
#include <ctype.h>
#include <string.h>

static void print_option(const struct argp_option *option, const char *value, FILE *stream) {
    const char *gap = value ? " " : "";
    value = value ? value : "";
    if (option->name)
        fprintf(stream, "--%s%s%s\n", option->name, gap, value);
    if (option->key > 0 && option->key <= 0x7f && isgraph(option->key))
        fprintf(stream, "-%c%s%s\n", option->key, gap, value);
}

static void print_options(const struct argp *argp, FILE *stream) {
    const char *value = NULL; /* an alias has that of the option before it */
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

void tool_completion_print(const struct argp *argp, FILE *stream) {
    const char *name;
    print_argument(argp->args_doc, stream);
    print_options(argp, stream);
    for (size_t i = 0; td_zoo_names[i]; i++)
        fprintf(stream, "NET %s\n", td_zoo_names[i]);
    for (size_t i = 0; (name = td_trigger_family_name(i)); i++)
        fprintf(stream, "TRIGGER %s\n", name);
}
