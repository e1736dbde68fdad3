#include "nn/rest.h"

#include "base/size.h"
#include "nn/cut.h"
#include "nn/op.h"

bool td_net_splits(const td_net *net, size_t node) {
    for (size_t i = node + 1; i < net->node_count; i++)
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            if (net->nodes[i].inputs[k] < node)
                return false;
    return true;
}

/* The node as an image, and those behind it; `whole` owns all that they point to. */
static void take_rest(const td_net *whole, size_t node, td_node *nodes) {
    const td_shape shape = whole->nodes[node].shape;
    const size_t values[] = {shape.height, shape.width, shape.channels};
    nodes[0] = (td_node){.name = whole->nodes[node].name, .op = &td_op_image};
    for (size_t i = 0; i < 3; i++)
        nodes[0].values[i] = (td_setting){.given = true, .count = values[i]};
    for (size_t i = node + 1; i < whole->node_count; i++) {
        nodes[i - node] = whole->nodes[i];
        for (size_t k = 0; k < whole->nodes[i].input_count; k++)
            nodes[i - node].inputs[k] -= node;
    }
}

td_status td_net_rest(const td_net *whole, const float *whole_weights, size_t node, td_net *rest,
                      float **weights, td_arena *arena, td_error *error) {
    td_net part = {.node_count = whole->node_count - node};
    char *text;
    *rest = (td_net){0};
    TD_TRY(TD_ARENA_NEW(arena, part.node_count, &part.nodes, "a part of a net", error));
    take_rest(whole, node, part.nodes);
    TD_TRY(td_net_text(&part, arena, &text, error));
    TD_TRY(td_net_parse(rest, text, NULL, error));
    td_status status =
        TD_ARENA_NEW(arena, td_size_max(rest->weight_count, 1), weights, "a part of a net", error);
    if (status == TD_OK)
        td_net_copy_weights(whole, whole_weights, rest, *weights);
    else
        td_net_free(rest);
    return status;
}
