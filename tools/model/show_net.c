/* SPDX-License-Identifier: MIT */
/* trapdoor-model show-net: the text of a net of the zoo. */
#include "command.h"

#include "nn/op.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct show_settings {
    const char *name;
} show_settings;

static const td_key keys[] = {
    {"name", TD_KEY_TEXT, offsetof(show_settings, name), .argument = true, .required = true,
     .value = "NAME"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

const tool_print model_prints[] = {
    {"help-net", "Print the operators of a net text", td_ops_reference}, {0}};

static td_status unknown(const char *name, td_error *error) {
    char known[512] = "";
    for (size_t i = 0; td_zoo_names[i]; i++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", td_zoo_names[i]);
    }
    return td_fail(error, TD_ERR_USAGE, "expected one of %s, found \"%s\"", known, name);
}

static td_status show(tool_run *run, td_error *error) {
    const char *name = ((const show_settings *)run->own)->name, *text = td_zoo_text(name);
    if (!text)
        return unknown(name, error);
    run->words = text;
    tool_run_set(run, "net", "s", text);
    return TD_OK;
}

static const tool_family family = {
    .name = "show-net",
    .word = "command",
    .usage = "NAME",
    .prints = model_prints,
    .run = show,
};

static const char help[] =
    "Print the text of a net of the zoo, to read or to start your own net from."
    "\v"
    "height, width, channels and classes are those of the data. --help-net lists all operators.\n"
    "\n"
    "Example:\n"
    "  trapdoor-model show-net resnet18 >own.net\n";

const tool_method model_show_net = {
    .name = "show-net",
    .title = "Show a net",
    .doc = "the text of a net of the zoo",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(show_settings),
};
