/* SPDX-License-Identifier: MIT */
/* The image: raw pixels, filled in by the caller. */
#include "nn/op.h"

enum { HEIGHT, WIDTH, CHANNELS };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)in, (void)error;
    node->shape = (td_shape){td_node_count(node, HEIGHT), td_node_count(node, WIDTH),
                             td_node_count(node, CHANNELS)};
    return TD_OK;
}

const td_op TD_OP(image) = {
    .name = "image",
    .doc = "The image: raw pixels, 0 to 255; the first node of every net, and no other",
    .shapes = "→ height×width×channels",
    .keys = {{.name = "height",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 65536,
              .required = true,
              .help = "Rows; the variable height is the data's"},
             {.name = "width",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 65536,
              .required = true,
              .help = "Columns; the variable width is the data's"},
             {.name = "channels",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 4096,
              .required = true,
              .help = "Channels; the variable channels is the data's"}},
    .channels = TD_CHANNELS_GIVEN,
    .infer = infer,
};
