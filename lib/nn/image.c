/* The image: raw pixels, filled in by the caller. */
#include "nn/op.h"
#include <math.h>

enum { HEIGHT, WIDTH, CHANNELS };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)in, (void)error;
    node->shape = (td_shape){td_node_count(node, HEIGHT), td_node_count(node, WIDTH),
                             td_node_count(node, CHANNELS)};
    return TD_OK;
}

const td_op td_op_image = {
    .name = "image",
    .keys = {{"height", TD_KEY_COUNT, 1, 65536, NAN},
             {"width", TD_KEY_COUNT, 1, 65536, NAN},
             {"channels", TD_KEY_COUNT, 1, 4096, NAN}},
    .infer = infer,
};
