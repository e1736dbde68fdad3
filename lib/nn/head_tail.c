/* SPDX-License-Identifier: MIT */
#include "nn/head_tail.h"

#include "base/size.h"
#include "nn/op.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 32 };

/* A prefix that no node's name has. */
static void new_name(const td_net *net, char name[NAME]) {
    bool taken = true;
    for (size_t i = 0; taken; i++) {
        taken = false;
        snprintf(name, NAME, i ? "part%zu" : "part", i);
        for (size_t n = 0; n < net->node_count; n++)
            taken |= strncmp(net->nodes[n].name, name, strlen(name)) == 0;
    }
}

static bool is_vector(td_shape shape) {
    return shape.height == 1 && shape.width == 1;
}

/* Marks the node and all nodes that it depends on; other branches may come before it. */
static void mark_needed(const td_net *net, size_t node, bool *needed) {
    needed[node] = true;
    for (size_t i = node + 1; i-- > 0;)
        for (size_t k = 0; needed[i] && k < net->nodes[i].input_count; k++)
            needed[net->nodes[i].inputs[k]] = true;
}

/* The text of a part of a net, under construction. */
typedef struct part_text {
    char *text;
    size_t length, size;
} part_text;

/* The needed lines of the net's text, with room for `more` bytes after them. */
static td_status needed_lines(const td_net *whole, const bool *needed, size_t more, td_arena *arena,
                              part_text *out, td_error *error) {
    char *text;
    TD_TRY(td_net_text(whole, arena, &text, error));
    if (!td_size_add(strlen(text) + 1, more, &out->size))
        return td_fail_memory(error, "a part of a net");
    TD_TRY(TD_ARENA_NEW(arena, out->size, &out->text, "a part of a net", error));
    for (size_t i = 0; i < whole->node_count; i++) {
        const size_t line = strcspn(text, "\n") + 1;
        if (needed[i]) {
            memcpy(out->text + out->length, text, line);
            out->length += line;
        }
        text += line;
    }
    return TD_OK;
}

static void add_text(part_text *out, const char *format, ...) TD_PRINTF(2, 3);

static void add_text(part_text *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    out->length +=
        (size_t)vsnprintf(out->text + out->length, out->size - out->length, format, arguments);
    va_end(arguments);
}

/* The lines that the node needs, and one that outputs its values. */
static td_status head_text(const td_net *whole, size_t node, bool average, td_arena *arena,
                           char **out, td_error *error) {
    char name[NAME];
    bool *needed;
    part_text part = {0};
    TD_TRY(TD_ARENA_NEW(arena, whole->node_count, &needed, "a part of a net", error));
    mark_needed(whole, node, needed);
    new_name(whole, name);
    TD_TRY(needed_lines(whole, needed, strlen(whole->nodes[node].name) + 64, arena, &part, error));
    if (!is_vector(whole->nodes[node].shape))
        add_text(&part, "%s = %s(%s)\n", name, average ? "global-avg-pool" : "flatten",
                 whole->nodes[node].name);
    *out = part.text;
    return TD_OK;
}

/* The lines that the nodes need, one that flattens each, and one that joins them. */
static td_status taps_text(const td_net *whole, const size_t *nodes, size_t count, td_arena *arena,
                           char **out, td_error *error) {
    char name[NAME];
    bool *needed;
    part_text part = {0};
    size_t names = 0;
    TD_TRY(TD_ARENA_NEW(arena, whole->node_count, &needed, "a part of a net", error));
    for (size_t i = 0; i < count; i++) {
        mark_needed(whole, nodes[i], needed);
        names += strlen(whole->nodes[nodes[i]].name);
    }
    new_name(whole, name);
    TD_TRY(needed_lines(whole, needed, names + (count + 1) * 4 * NAME, arena, &part, error));
    for (size_t i = 0; i < count; i++)
        add_text(&part, "%s.%zu = flatten(%s)\n", name, i, whole->nodes[nodes[i]].name);
    if (count > 1)
        add_text(&part, "%s = concat(", name);
    for (size_t i = 0; count > 1 && i < count; i++)
        add_text(&part, "%s%s.%zu%s", i > 0 ? ", " : "", name, i, i + 1 < count ? "" : ")\n");
    *out = part.text;
    return TD_OK;
}

void td_net_copy_weights(const td_net *from, const float *from_weights, const td_net *to,
                         float *to_weights) {
    for (size_t t = 0; t < to->param_count; t++)
        for (size_t f = 0; f < from->param_count; f++)
            if (strcmp(to->params[t].name, from->params[f].name) == 0)
                memcpy(to_weights + to->params[t].offset, from_weights + from->params[f].offset,
                       to->params[t].count * sizeof *to_weights);
}

/* Parses `text` and copies the weights that it shares with `whole`. */
static td_status parse_part(const td_net *whole, const float *whole_weights, const char *text,
                            td_net *part, float **weights, td_arena *arena, td_error *error) {
    TD_TRY(td_net_parse(part, text, NULL, error));
    td_status status =
        TD_ARENA_NEW(arena, td_size_max(part->weight_count, 1), weights, "a part of a net", error);
    if (status == TD_OK)
        td_net_copy_weights(whole, whole_weights, part, *weights);
    else
        td_net_free(part);
    return status;
}

const char *td_net_last_hidden(const td_net *net) {
    const td_node *node = &net->nodes[net->node_count - 1];
    while (!node->op->dense) {
        if (node->input_count != 1)
            return NULL;
        node = &net->nodes[node->inputs[0]];
    }
    do
        node = &net->nodes[node->inputs[0]];
    while (node->op->training_only);
    return node->name;
}

td_status td_net_head(const td_net *whole, const float *whole_weights, const char *node,
                      bool average, td_net *head, float **weights, td_arena *arena,
                      td_error *error) {
    size_t at = 0;
    char *text;
    *head = (td_net){0};
    while (at < whole->node_count && strcmp(whole->nodes[at].name, node) != 0)
        at++;
    if (at == whole->node_count)
        return td_fail(error, TD_ERR_USAGE, "expected a node of the net, found \"%s\"", node);
    TD_TRY(head_text(whole, at, average, arena, &text, error));
    return parse_part(whole, whole_weights, text, head, weights, arena, error);
}

td_status td_net_taps(const td_net *whole, const float *whole_weights, const size_t *nodes,
                      size_t count, td_net *taps, float **weights, td_arena *arena,
                      td_error *error) {
    char *text;
    *taps = (td_net){0};
    TD_TRY(taps_text(whole, nodes, count, arena, &text, error));
    return parse_part(whole, whole_weights, text, taps, weights, arena, error);
}

bool td_net_splits(const td_net *net, size_t node) {
    for (size_t i = node + 1; i < net->node_count; i++)
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            if (net->nodes[i].inputs[k] < node)
                return false;
    return true;
}

/* The node as an image, and those after it; `whole` owns all that they point to. */
static void take_tail(const td_net *whole, size_t node, td_node *nodes) {
    const td_shape shape = whole->nodes[node].shape;
    const size_t values[] = {shape.height, shape.width, shape.channels};
    nodes[0] = (td_node){.name = whole->nodes[node].name, .op = td_op_find(TD_OP_IMAGE)};
    for (size_t i = 0; i < 3; i++)
        nodes[0].values[i] = (td_setting){.given = true, .count = values[i]};
    for (size_t i = node + 1; i < whole->node_count; i++) {
        nodes[i - node] = whole->nodes[i];
        for (size_t k = 0; k < whole->nodes[i].input_count; k++)
            nodes[i - node].inputs[k] -= node;
    }
}

td_status td_net_tail(const td_net *whole, const float *whole_weights, size_t node, td_net *tail,
                      float **weights, td_arena *arena, td_error *error) {
    td_net part = {.node_count = whole->node_count - node};
    char *text;
    *tail = (td_net){0};
    TD_TRY(TD_ARENA_NEW(arena, part.node_count, &part.nodes, "a part of a net", error));
    take_tail(whole, node, part.nodes);
    TD_TRY(td_net_text(&part, arena, &text, error));
    return parse_part(whole, whole_weights, text, tail, weights, arena, error);
}
