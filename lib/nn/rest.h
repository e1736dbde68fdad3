/* What of a net comes behind a node, as a net of its own. */
#ifndef TD_NN_REST_H
#define TD_NN_REST_H

#include "nn/net.h"

/* Whether all that comes behind `node` sees the nodes before it through it alone. */
bool td_net_splits(const td_net *net, size_t node);

/* Where that is so: the net of the nodes behind `node`, whose values [batch, height, width,
 * channels] are its image; their logits are the whole net's. *weights, in `arena`, are copied by
 * name from `whole`'s. The caller frees *rest; on failure it is zeroed. */
td_status td_net_rest(const td_net *whole, const float *whole_weights, size_t node, td_net *rest,
                      float **weights, td_arena *arena, td_error *error) TD_MUST_USE;

#endif
