/* SPDX-License-Identifier: MIT */
#include "nn/net.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

enum { VALUE_SIZE = 256 };

/* Of numbers that other formats store as float32. */
static const double TOLERANCE = 1e-6;

static void print(const td_node *node, size_t k, char text[VALUE_SIZE]) {
    const td_key *keys = node->op->keys, *size = td_key_find(keys, "size");
    td_key_print(&keys[k], &node->values[k], text, VALUE_SIZE);
    if (size && strcmp(keys[k].name, "stride") == 0 &&
        strcmp(text, "0") == 0) /* that of the window */
        td_key_print(size, &node->values[size - keys], text, VALUE_SIZE);
}

static bool same_value(const td_node *a, const td_node *b, size_t k) {
    const td_key *key = &a->op->keys[k];
    const td_setting *x = &a->values[k], *y = &b->values[k];
    char text[VALUE_SIZE], other[VALUE_SIZE];
    if (!x->given || !y->given)
        return x->given == y->given;
    if (key->kind == TD_KEY_REAL || key->kind == TD_KEY_FRACTION)
        return fabs(x->number - y->number) <= TOLERANCE * fmax(fabs(x->number), fabs(y->number));
    print(a, k, text);
    print(b, k, other);
    return strcmp(text, other) == 0;
}

static bool same_node(const td_node *a, const td_node *b) {
    if (a->op != b->op || a->input_count != b->input_count)
        return false;
    for (size_t i = 0; i < a->input_count; i++)
        if (a->inputs[i] != b->inputs[i])
            return false;
    for (size_t k = 0; a->op->keys[k].name; k++)
        if (!same_value(a, b, k))
            return false;
    return true;
}

bool td_net_is_same(const td_net *a, const td_net *b) {
    if (a->node_count != b->node_count)
        return false;
    for (size_t i = 0; i < a->node_count; i++)
        if (!same_node(&a->nodes[i], &b->nodes[i]))
            return false;
    return true;
}
