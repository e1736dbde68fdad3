/* SPDX-License-Identifier: MIT */
/* A net whose outputs are its logits followed by the feature maps of some nodes, so that a loss can
 * use both. */
#ifndef TOOLS_DEFEND_REPAIR_TAPS_H
#define TOOLS_DEFEND_REPAIR_TAPS_H

#include "nn/net.h"

enum { REPAIR_MOST_TAPS = 8 };

/* The outputs are [logits, maps of nodes[0], ...], each map flattened channel by channel. The
 * parameters are the net's, at the same offsets, so both take the same weights. The caller frees
 * *out, which is zeroed on failure. 1 <= count <= REPAIR_MOST_TAPS. */
td_status repair_taps(const td_net *net, const size_t *nodes, size_t count, td_net *out,
                      td_error *error) TD_MUST_USE;

/* A name for a node derived from `node`: NODE_ending or, if that is too long or in use, another
 * unused name. In `arena`. */
td_status repair_new_name(const td_net *net, size_t node, const char *ending, td_arena *arena,
                          const char **out, td_error *error) TD_MUST_USE;

#endif
