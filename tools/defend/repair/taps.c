/* SPDX-License-Identifier: MIT */
#include "defend/repair/taps.h"

#include <stdio.h>
#include <string.h>

static bool has_node(const td_net *net, const char *name) {
    for (size_t i = 0; i < net->node_count; i++)
        if (strcmp(net->nodes[i].name, name) == 0)
            return true;
    return false;
}

td_status repair_new_name(const td_net *net, size_t node, const char *ending, td_arena *arena,
                          const char **out, td_error *error) {
    enum { LONGEST = 64 };
    TD_TRY(td_arena_print(arena, out, error, "%s_%s", net->nodes[node].name, ending));
    for (size_t i = 2; strlen(*out) > LONGEST || has_node(net, *out); i++)
        TD_TRY(td_arena_print(arena, out, error, "%s%zu_%zu", ending, node, i));
    return TD_OK;
}

enum { NAME_SIZE = 32 };

/* An unused node name with this prefix. */
static void new_name(const td_net *net, const char *begin, size_t number, char name[NAME_SIZE]) {
    do
        snprintf(name, NAME_SIZE, "%s%zu", begin, number++);
    while (has_node(net, name));
}

static td_status write_text(const td_net *net, const size_t *nodes, size_t count, td_arena *arena,
                            const char **out, td_error *error) {
    const char *names = net->nodes[net->node_count - 1].name, *lines;
    char *text, name[NAME_SIZE];
    size_t number = 0;
    TD_TRY(td_net_text(net, arena, &text, error));
    lines = text;
    for (size_t i = 0; i < count; i++) {
        do
            new_name(net, "tap", number++, name);
        while (strstr(names, name));
        TD_TRY(td_arena_print(arena, &lines, error, "%s%s = flatten(%s)\n", lines, name,
                              net->nodes[nodes[i]].name));
        TD_TRY(td_arena_print(arena, &names, error, "%s, %s", names, name));
    }
    new_name(net, "taps", 0, name);
    return td_arena_print(arena, out, error, "%s%s = concat(%s)\n", lines, name, names);
}

td_status repair_taps(const td_net *net, const size_t *nodes, size_t count, td_net *out,
                      td_error *error) {
    td_arena arena = {0};
    const char *text;
    *out = (td_net){0};
    td_status status = write_text(net, nodes, count, &arena, &text, error);
    if (status == TD_OK)
        status = td_net_parse(out, text, NULL, error);
    for (size_t p = 0; status == TD_OK && p < net->param_count; p++)
        out->params[p].frozen = net->params[p].frozen;
    td_arena_free(&arena);
    return status;
}
