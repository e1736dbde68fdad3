/* SPDX-License-Identifier: MIT */
#include "base/size.h"
#include "base/text.h"
#include "nn/limits.h"
#include "nn/net.h"
#include "nn/op.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 4096, LONGEST_NAME = 64 };

typedef struct scanner {
    const char *at;
    const td_net_variables *variables;
    td_net *net;
    td_error *error;
} scanner;

static void skip_blanks(scanner *s) {
    while (*s->at == ' ' || *s->at == '\t' || *s->at == '\r')
        s->at++;
}

static bool take(scanner *s, char c) {
    skip_blanks(s);
    if (*s->at != c)
        return false;
    s->at++;
    skip_blanks(s);
    return true;
}

/* The text from here to the end of the line, for messages; at most 40 bytes. */
static int rest_length(const scanner *s) {
    return (int)td_size_min(strcspn(s->at, "\r\n"), 40);
}

static td_status expected(scanner *s, const char *what) {
    return td_fail(s->error, TD_ERR_FORMAT, "expected %s, found \"%.*s\"", what, rest_length(s),
                   s->at);
}

static td_status scan_name(scanner *s, char name[LONGEST_NAME + 1], const char *what) {
    skip_blanks(s);
    size_t length = 0;
    while (isalnum((unsigned char)s->at[length]) || (s->at[length] && strchr("_.-", s->at[length])))
        length++;
    if (length == 0 || length > LONGEST_NAME)
        return expected(s, what);
    memcpy(name, s->at, length);
    name[length] = '\0';
    s->at += length;
    return TD_OK;
}

/* The value of a variable at the beginning of `text`, and the variable's length; 0 if there is
 * none. */
static size_t match_variable(const td_net_variables *variables, const char *text, size_t *value) {
    const struct {
        const char *name;
        size_t value;
    } table[] = {{"height", variables->height},
                 {"width", variables->width},
                 {"channels", variables->channels},
                 {"classes", variables->classes}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const size_t length = strlen(table[i].name);
        *value = table[i].value;
        if (strncmp(text, table[i].name, length) == 0)
            return length;
    }
    return 0;
}

/* Copies a value with its variables replaced; a variable may be wherever a number may begin.
 * Returns whether there was room. */
static bool replace_variables(const td_net_variables *variables, const char *from, size_t length,
                              char *to, size_t size) {
    bool number = true; /* may begin here */
    size_t used = 0, value, name;
    for (size_t i = 0; i < length && used < size;) {
        name = variables && number ? match_variable(variables, from + i, &value) : 0;
        if (name > 0)
            used += (size_t)snprintf(to + used, size - used, "%zu", value);
        else
            to[used++] = from[i];
        i += name > 0 ? name : 1;
        number = name == 0 && strchr("x/,", from[i - 1]);
    }
    if (used >= size)
        return false;
    to[used] = '\0';
    return true;
}

static td_status scan_value(scanner *s, const td_key *key, td_setting *out) {
    char value[128], allowed[128];
    const size_t length = strcspn(s->at, " \t\r\n#");
    const td_net_variables *variables = key->kind == TD_KEY_WORD ? NULL : s->variables;
    if (!replace_variables(variables, s->at, length, value, sizeof value) ||
        !td_key_read(key, value, out))
        return td_fail(s->error, TD_ERR_FORMAT, "%s: expected %s, found \"%.*s\"", key->name,
                       td_key_describe(key, allowed, sizeof allowed), (int)td_size_min(length, 256),
                       s->at);
    s->at += length;
    return TD_OK;
}

static td_status scan_keys(scanner *s, td_node *node) {
    const td_key *keys = node->op->keys;
    for (skip_blanks(s); *s->at && !strchr("\r\n#", *s->at); skip_blanks(s)) {
        char name[LONGEST_NAME + 1];
        TD_TRY(scan_name(s, name, "key=value"));
        const td_key *key = td_key_find(keys, name);
        if (!key)
            return td_fail(s->error, TD_ERR_FORMAT, "%s has no key \"%s\"", node->op->name, name);
        td_setting *value = &node->values[key - keys];
        if (value->given)
            return td_fail(s->error, TD_ERR_FORMAT, "key \"%s\" is given twice", name);
        if (!take(s, '='))
            return expected(s, "= after the key");
        TD_TRY(scan_value(s, key, value));
    }
    for (size_t i = 0; keys[i].name; i++)
        if (!node->values[i].given && !td_key_standard(&keys[i], &node->values[i]))
            return td_fail(s->error, TD_ERR_FORMAT, "%s needs %s=...", node->op->name,
                           keys[i].name);
    return TD_OK;
}

static td_status scan_inputs(scanner *s, td_node *node) {
    if (!take(s, '('))
        return expected(s, "( after the operator");
    while (!take(s, ')')) {
        char name[LONGEST_NAME + 1];
        if (node->input_count > 0 && !take(s, ','))
            return expected(s, ", or )");
        TD_TRY(scan_name(s, name, "the name of an earlier node"));
        size_t i = 0;
        while (i < s->net->node_count && strcmp(s->net->nodes[i].name, name) != 0)
            i++;
        if (i == s->net->node_count)
            return td_fail(s->error, TD_ERR_FORMAT,
                           "input \"%s\" is not the name of an earlier node", name);
        if (node->input_count == node->op->most_inputs)
            return td_fail(s->error, TD_ERR_FORMAT, "%s takes at most %zu inputs", node->op->name,
                           node->op->most_inputs);
        node->inputs[node->input_count++] = i;
    }
    if (node->input_count < node->op->least_inputs)
        return td_fail(s->error, TD_ERR_FORMAT, "%s takes at least %zu inputs, found %zu",
                       node->op->name, node->op->least_inputs, node->input_count);
    return TD_OK;
}

static td_status infer_shape(scanner *s, td_node *node) {
    td_shape in[TD_NODE_INPUTS] = {{0}};
    for (size_t i = 0; i < node->input_count; i++)
        in[i] = s->net->nodes[node->inputs[i]].shape;
    TD_TRY(node->op->infer(s->net, node, in, s->error));
    size_t size;
    const size_t dims[] = {node->shape.height, node->shape.width, node->shape.channels};
    if (!td_size_product(dims, 3, &size) || size == 0 || size > TD_NET_ACTIVATION ||
        dims[0] > TD_NET_SIDE || dims[1] > TD_NET_SIDE)
        return td_fail(s->error, TD_ERR_FORMAT, "its output of %zu×%zu×%zu is out of bounds",
                       dims[0], dims[1], dims[2]);
    return TD_OK;
}

/* NAME = OPERATOR(INPUT, ...) key=value ... */
static td_status scan_node(scanner *s) {
    td_net *net = s->net;
    if (net->node_count == MOST_NODES)
        return td_fail(s->error, TD_ERR_FORMAT, "expected at most %d nodes", MOST_NODES);
    td_node *node = &net->nodes[net->node_count];
    char name[LONGEST_NAME + 1], op[LONGEST_NAME + 1];
    TD_TRY(scan_name(s, name, "NAME = OPERATOR(INPUT) ..."));
    for (size_t i = 0; i < net->node_count; i++)
        if (strcmp(net->nodes[i].name, name) == 0)
            return td_fail(s->error, TD_ERR_FORMAT, "node \"%s\" is there already", name);
    char *copy;
    TD_TRY(td_arena_text(&net->arena, name, strlen(name), &copy, s->error));
    node->name = copy;
    if (!take(s, '='))
        return expected(s, "= after the node's name");
    TD_TRY(scan_name(s, op, "the name of an operator"));
    node->op = td_op_find(op);
    if (!node->op)
        return td_fail(s->error, TD_ERR_FORMAT, "node \"%s\": unknown operator \"%s\"", name, op);
    if ((net->node_count == 0) != (node->op->most_inputs == 0))
        return td_fail(s->error, TD_ERR_FORMAT, "node \"%s\": the first node, and no other, is %s",
                       name, TD_OP_IMAGE);
    td_status status = scan_inputs(s, node);
    if (status == TD_OK)
        status = scan_keys(s, node);
    if (status == TD_OK)
        status = infer_shape(s, node);
    if (status != TD_OK)
        return td_fail_within(s->error, status, "node \"%s\"", name);
    net->node_count++;
    return TD_OK;
}

/* Every node except the last must be used, and the last must give a vector. */
static td_status check_whole(td_net *net, td_error *error) {
    if (net->node_count < 2)
        return td_fail(error, TD_ERR_FORMAT, "expected at least two nodes, found %zu",
                       net->node_count);
    for (size_t i = 0; i + 1 < net->node_count; i++) {
        bool used = false;
        for (size_t j = i + 1; j < net->node_count && !used; j++)
            for (size_t k = 0; k < net->nodes[j].input_count; k++)
                used |= net->nodes[j].inputs[k] == i;
        if (!used)
            return td_fail(error, TD_ERR_FORMAT, "node \"%s\" is not used by any other",
                           net->nodes[i].name);
    }
    td_shape last = net->nodes[net->node_count - 1].shape;
    if (last.height != 1 || last.width != 1)
        return td_fail(
            error, TD_ERR_FORMAT,
            "node \"%s\": the last node gives the logits, 1×1×classes; found %zu×%zu×%zu",
            net->nodes[net->node_count - 1].name, last.height, last.width, last.channels);
    return TD_OK;
}

static size_t count_lines(const char *text) {
    size_t lines = 1;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static td_status scan_lines(scanner *s, const char *text) {
    size_t line = 0;
    while (*text) {
        line++;
        s->at = text;
        skip_blanks(s);
        if (*s->at && !strchr("\r\n#", *s->at)) {
            td_status status = scan_node(s);
            if (status != TD_OK)
                return td_fail_within(s->error, status, "net text, line %zu", line);
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    td_status status = check_whole(s->net, s->error);
    return status == TD_OK ? TD_OK : td_fail_within(s->error, status, "net text");
}

td_status td_net_parse(td_net *net, const char *text, const td_net_variables *variables,
                       td_error *error) {
    *net = (td_net){0};
    size_t nodes = td_size_min(count_lines(text), MOST_NODES);
    scanner s = {.variables = variables, .net = net, .error = error};
    td_status status = TD_ARENA_NEW(&net->arena, nodes, &net->nodes, "the nodes of a net", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&net->arena, nodes * TD_NODE_PARAMS, &net->params,
                              "the parameters of a net", error);
    if (status == TD_OK)
        status = scan_lines(&s, text);
    if (status != TD_OK)
        td_net_free(net);
    return status;
}

static void print_node(FILE *out, const td_net *net, const td_node *node) {
    fprintf(out, "%s = %s(", node->name, node->op->name);
    for (size_t i = 0; i < node->input_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", net->nodes[node->inputs[i]].name);
    fputc(')', out);
    for (size_t i = 0; node->op->keys[i].name; i++) {
        char value[128];
        if (node->op->keys[i].optional && td_key_is_standard(&node->op->keys[i], &node->values[i]))
            continue;
        td_key_print(&node->op->keys[i], &node->values[i], value, sizeof value);
        fprintf(out, " %s=%s", node->op->keys[i].name, value);
    }
    fputc('\n', out);
}

td_status td_net_text(const td_net *net, td_arena *arena, char **out, td_error *error) {
    td_text text;
    if (!td_text_open(&text))
        return td_fail_memory(error, "a net's text");
    for (size_t i = 0; i < net->node_count; i++)
        print_node(text.stream, net, &net->nodes[i]);
    char *bytes = td_text_close(&text);
    td_status status = bytes ? td_arena_text(arena, bytes, text.size, out, error)
                             : td_fail_memory(error, "a net's text");
    free(bytes);
    return status;
}
