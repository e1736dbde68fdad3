/* SPDX-License-Identifier: MIT */
/* Operators: what the nodes of a net compute. Each is one file with one const td_op, listed in
 * kernel/operators.c, compiled once per instruction set (kernel/kernel.h). The struct declares
 * everything that other code needs to know about it: how it treats channels and zeros, whether it
 * fuses or folds. */
#ifndef TD_NN_OP_H
#define TD_NN_OP_H

#include "nn/bounds.h"
#include "nn/kernel/kernel.h"
#include "nn/net.h"
#include <stdio.h>

/* The source of channel c of the output. */
typedef enum td_channels {
    TD_CHANNELS_GIVEN,   /* an external value: the image */
    TD_CHANNELS_NEW,     /* weights times all channels of the input: a layer's neurons */
    TD_CHANNELS_GROUPED, /* weights times some channels of the input */
    TD_CHANNELS_KEPT,    /* only channel c of the input */
    TD_CHANNELS_ADDED,   /* channel c of every input */
    TD_CHANNELS_JOINED,  /* a channel of one of the inputs, under another number */
    TD_CHANNELS_SPREAD,  /* one position of channel c / (height·width) of the input */
    TD_CHANNELS_MIXED,   /* all channels of the input, without weights */
    TD_CHANNELS_OTHER,   /* none of these: positions and channels are exchanged */
} td_channels;

/* One call of an operator on a batch. All arrays are [batch, height, width, channels]. */
typedef struct td_run {
    const td_net *net;
    const td_node *node;
    size_t batch;
    const float *in[TD_NODE_INPUTS];
    float *out;
    const float *params[TD_NODE_PARAMS]; /* NULL beyond the node's parameters */
    float *prepared;  /* parameters as prepare() converted them; owned by the node, persistent */
    float *scratch;   /* scratch() floats, shared by all nodes; not preserved between calls */
    td_bounds bounds; /* of `out`, if a clipping activation is fused to this node */
    bool training;    /* batch statistics, dropout */
    uint64_t seed;    /* of draws in training, with the step, the node and the image */
    uint32_t step;

    /* backward only */
    const float *dout; /* gradient of `out`; with bounds, of its value before clipping, unless the
                          operator `gates` */
    float *din[TD_NODE_INPUTS]; /* overwritten; NULL if not wanted */
    /* Overwritten; NULL if not wanted. When training, a running statistic's slot receives this
     * batch's value. */
    float *dparams[TD_NODE_PARAMS];
} td_run;

typedef struct td_op {
    const char *name;
    const char *doc;                 /* what it is; a sentence without a full stop */
    const char *formula;             /* "y = max(x, 0)" */
    const char *shapes;              /* "H×W×C → H×W×C"; explains letters that are not keys */
    td_key keys[TD_NODE_VALUES + 1]; /* ends at a row without a name */
    size_t least_inputs, most_inputs;

    td_channels channels;
    bool dense;      /* it has new channels: a single vector, without positions */
    bool zero;       /* zero in, zero out: a masked channel stays masked after it */
    bool activation; /* a nonlinear function of each value, considered part of the previous layer */
    bool training_only;   /* y = x outside training */
    bool masks;           /* its weights, 0 or 1, keep or drop channels */
    bool batch_deviation; /* in training it divides by a channel's deviation over the batch, which
                             is undefined for a single value */

    bool clips; /* applies run->bounds as it stores, so a clipping node can be fused to it */
    bool gates; /* ... and in its backward pass, as it reads dout */
    bool needs_in, needs_out; /* backward reads `in`, `out`; otherwise they are not kept */
    bool takes_fold; /* y = weights·x + bias by output channel, so that a following batch norm can
                        be folded into params[0] (output channel first) and params[1] (the bias) */

    /* Sets node->shape from its inputs' shapes and declares parameters with td_node_param. The
     * message need not name the node. */
    td_status (*infer)(td_net *net, td_node *node, const td_shape *in, td_error *error);

    /* NULL, or: `channels` of a node whose keys determine it. */
    td_channels (*channels_of)(const td_net *net, const td_node *node);

    /* Floats needed for prepared parameters and as scratch for a batch; NULL for none. `backward`
     * is false if only forward will run. */
    size_t (*prepared)(const td_node *node, const td_shape *in);
    size_t (*scratch)(const td_node *node, const td_shape *in, size_t batch, bool backward);

    /* NULL, or: the bounds of a node that only clips its input, so that it can be fused to an
     * operator that `clips`. */
    td_bounds (*bounds)(const td_node *node);

    /* NULL, or: the name of the algorithm chosen for the shapes, "winograd". */
    const char *(*path)(const td_node *node, const td_shape *in);

    /* Converts the parameters to the form that the passes read; called after they change. Has no
     * scratch. At inference params[0] is no longer available when forward runs. */
    void (*prepare)(const td_run *run);

    /* NULL, or: writes scale and shift, [channels], of a node that outside training is y = scale·x
     * + shift by channel. Such a node can be folded into an operator that takes_fold. */
    void (*affine)(const td_run *run, float *scale, float *shift);

    /* Each runs in parallel over fixed chunks (base/parallel.h). */
    void (*forward)(const td_run *run);
    void (*backward)(const td_run *run);
} td_op;

/* The const td_op in an operator's file: const td_op TD_OP(relu) = {...}. */
#define TD_OP(name) TD_KERNEL_NAME(td_op_##name)

/* The operator with that name, or NULL; all of them, NULL-terminated. */
const td_op *td_op_find(const char *name);
const td_op *const *td_ops(void);

/* The names of a net's first node, of the mask operator, and of batch norm. */
#define TD_OP_IMAGE "image"
#define TD_OP_MASK "mask"
#define TD_OP_BATCH_NORM "batch-norm"

/* Writes the reference of all operators as plain text in columns: purpose, formula, shapes and keys
 * of each. */
void td_ops_reference(FILE *out);

/* Declares the node's next parameter, NODE.SUFFIX; for use in infer(). Its role is TD_TRAINED and
 * its fill 0; change them through td_node_last_param. */
td_status td_node_param(td_net *net, td_node *node, const char *suffix, size_t rank,
                        const size_t *dims, size_t fan_in, td_error *error) TD_MUST_USE;

static inline td_param *td_node_last_param(td_net *net) {
    return &net->params[net->param_count - 1];
}

/* The source of a node's channels. */
static inline td_channels td_node_channels(const td_net *net, const td_node *node) {
    return node->op->channels_of ? node->op->channels_of(net, node) : node->op->channels;
}

/* The shape of the node's i-th input. */
static inline td_shape td_run_in_shape(const td_run *run, size_t i) {
    return run->net->nodes[run->node->inputs[i]].shape;
}

/* The value of a count key, by its index in op->keys. */
static inline size_t td_node_count(const td_node *node, size_t key) {
    return node->values[key].count;
}

#endif
