/* SPDX-License-Identifier: MIT */
/* Nets as text. A net that parses is written to a text without variables, which parses to the same
 * values and the same text. */
#include "fuzz.h"
#include "nn/op.h"
#include <stdlib.h>
#include <string.h>

static void check(const td_net *net) {
    size_t weights = 0;
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        size_t count = 1;
        for (size_t j = 0; j < param->rank; j++)
            count *= param->dims[j];
        FUZZ_ASSERT(param->offset == weights && param->count == count);
        weights += count;
    }
    FUZZ_ASSERT(weights == net->weight_count);
    FUZZ_ASSERT(td_net_classes(net) > 0);
    td_shape input = td_net_input(net);
    FUZZ_ASSERT(td_shape_size(input) > 0);
    for (size_t i = 0; i < net->node_count; i++)
        for (size_t j = 0; j < net->nodes[i].input_count; j++)
            FUZZ_ASSERT(net->nodes[i].inputs[j] < i);
}

static bool same_value(const td_key *key, const td_setting *a, const td_setting *b) {
    switch (key->kind) {
    case TD_KEY_COUNT:
        return a->count == b->count;
    case TD_KEY_PAIR:
        return a->pair.first == b->pair.first && a->pair.second == b->pair.second;
    case TD_KEY_LIST:
        for (size_t i = 0; i < a->list.count; i++)
            if (a->list.values[i] != b->list.values[i])
                return false;
        return a->list.count == b->list.count;
    default:
        return a->number == b->number;
    }
}

static void check_same_values(const td_net *a, const td_net *b) {
    FUZZ_ASSERT(a->node_count == b->node_count && a->weight_count == b->weight_count);
    for (size_t i = 0; i < a->node_count; i++) {
        const td_key *keys = a->nodes[i].op->keys;
        for (size_t k = 0; keys[k].name; k++)
            FUZZ_ASSERT(same_value(&keys[k], &a->nodes[i].values[k], &b->nodes[i].values[k]));
    }
}

static void check_writing(const td_net *net) {
    td_error error = {""};
    td_arena arena = {0};
    td_net again;
    char *first, *second;
    fuzz_expect(td_net_text(net, &arena, &first, &error), &error);
    fuzz_expect(td_net_parse(&again, first, NULL, &error), &error);
    fuzz_expect(td_net_text(&again, &arena, &second, &error), &error);
    FUZZ_ASSERT(strcmp(first, second) == 0);
    check_same_values(net, &again);
    td_net_free(&again);
    td_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const td_net_variables variables = {28, 28, 1, 10};
    char *text = fuzz_text(data, size);
    td_error error = {""};
    td_net net;
    if (fuzz_succeeded(td_net_parse(&net, text, &variables, &error), &error)) {
        check(&net);
        check_writing(&net);
        td_net_free(&net);
    } else {
        FUZZ_ASSERT(!net.nodes && !net.arena.blocks);
    }
    free(text);
    return 0;
}
