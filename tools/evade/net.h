/* The attacked net, asked for logits and gradients, and how often it was. */
#ifndef TOOLS_EVADE_NET_H
#define TOOLS_EVADE_NET_H

#include "nn/exec.h"
#include <stdbool.h>

/* Images that are asked about at once. */
enum { EVADE_BATCH = 64 };

typedef struct evade_net {
    const td_net *net;
    td_exec *forward, *gradient; /* gradient: NULL without gradients */
    size_t size, classes;        /* values of an image; logits */
    uint64_t queries, gradients; /* images asked about without and with a gradient */
} evade_net;

/* For up to EVADE_BATCH images at once. `weights` must stay in place. On failure *net is zeroed. */
td_status evade_net_open(evade_net *net, const td_net *shape, const float *weights, bool gradients,
                         td_error *error) TD_MUST_USE;
void evade_net_close(evade_net *net); /* takes a zeroed net as well */

/* Logits [count, classes] of the images that the caller put into the input [count, size], valid
 * until the next call. */
float *evade_net_input(evade_net *net);
const float *evade_net_ask(evade_net *net, size_t count);

/* The same with a gradient to follow: the caller puts that of the logits into
 * evade_net_logits_gradient [count, classes], and gets that of the pixels [count, size]. */
float *evade_net_gradient_input(evade_net *net);
const float *evade_net_forward(evade_net *net, size_t count);
float *evade_net_logits_gradient(evade_net *net);
const float *evade_net_backward(evade_net *net);

#endif
