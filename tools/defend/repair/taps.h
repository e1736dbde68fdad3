/* SPDX-License-Identifier: MIT */
/* A net whose outputs are its logits and, behind them, the maps of some of its nodes, so that a
 * loss can be taken of these, too. */
#ifndef TOOLS_DEFEND_REPAIR_TAPS_H
#define TOOLS_DEFEND_REPAIR_TAPS_H

#include "nn/net.h"

enum { REPAIR_MOST_TAPS = 8 };

/* The outputs are [logits, maps of nodes[0], ...], each map flattened channel by channel. The
 * parameters are the net's, at the same places, so both take the same weights. The caller frees
 * *out, which is zeroed on failure. 1 <= count <= REPAIR_MOST_TAPS. */
td_status repair_taps(const td_net *net, const size_t *nodes, size_t count, td_net *out,
                      td_error *error) TD_MUST_USE;

/* A name for a node that goes with `node`: NODE_ending, or, where that is too long or in use,
 * another that no node has. In `arena`. */
td_status repair_new_name(const td_net *net, size_t node, const char *ending, td_arena *arena,
                          const char **out, td_error *error) TD_MUST_USE;

#endif
