/* SPDX-License-Identifier: MIT */
/* Operators: what a node of a net does. Each is one file with one const td_op, listed in
 * kernel/operators.c, and is compiled once for each instruction set (kernel/kernel.h). What others
 * need to know of it (how it treats channels and zeros, whether it fuses or folds) it says itself.
 */
#ifndef TD_NN_OP_H
#define TD_NN_OP_H

#include "nn/bounds.h"
#include "nn/kernel/kernel.h"
#include "nn/net.h"
#include <stdio.h>

/* Where channel c of the output comes from. */
typedef enum td_channels {
    TD_CHANNELS_GIVEN,   /* from outside: the image */
    TD_CHANNELS_NEW,     /* weights times all channels of the input: a layer's neurons */
    TD_CHANNELS_GROUPED, /* weights times some channels of the input */
    TD_CHANNELS_KEPT,    /* channel c of the input alone */
    TD_CHANNELS_ADDED,   /* channel c of every input */
    TD_CHANNELS_JOINED,  /* a channel of one of the inputs, under another number */
    TD_CHANNELS_SPREAD,  /* one position of channel c / (height·width) of the input */
    TD_CHANNELS_MIXED,   /* all channels of the input, without weights */
    TD_CHANNELS_OTHER,   /* none of these: positions and channels change places */
} td_channels;

/* One call of an operator on a batch. All arrays are [batch, height, width, channels]. */
typedef struct td_run {
    const td_net *net;
    const td_node *node;
    size_t batch;
    const float *in[TD_NODE_INPUTS];
    float *out;
    const float *params[TD_NODE_PARAMS]; /* NULL for those the node does not have */
    float *prepared;  /* what prepare() made of the parameters; the node's own, it survives */
    float *scratch;   /* scratch() floats, shared by all nodes: nothing survives the call */
    td_bounds bounds; /* of `out`: an activation that clips is fused to this node */
    bool training;    /* batch statistics, dropout */
    uint64_t seed;    /* of draws in training, with the step, the node and the image */
    uint32_t step;

    /* backward only */
    const float *dout;          /* gradient of `out`, or, with bounds, of what it was before them */
    float *din[TD_NODE_INPUTS]; /* overwritten; NULL where not wanted */
    /* Overwritten; NULL where none are wanted. A running statistic's slot takes this batch's value
     * when training. */
    float *dparams[TD_NODE_PARAMS];
} td_run;

typedef struct td_op {
    const char *name;
    const char *doc;     /* what it is; a sentence without a stop */
    const char *formula; /* "y = max(x, 0)" */
    const char *shapes;  /* "H×W×C → H×W×C"; what a letter means that is none of the keys */
    td_key keys[TD_NODE_VALUES + 1]; /* ends at a row without a name */
    size_t least_inputs, most_inputs;

    td_channels channels;
    bool dense;           /* of new channels: no positions, but one vector */
    bool zero;            /* zeros make zeros: a channel that is masked stays so behind it */
    bool activation;      /* a nonlinear function of each value, part of the layer before it */
    bool training_only;   /* outside training y = x */
    bool masks;           /* its weights, 0 or 1, are of channels that are kept or left out */
    bool batch_deviation; /* in training it divides by a channel's deviation over the batch, which
                             a single value does not have */

    bool clips;               /* keeps to run->bounds as it stores: what clips can follow it */
    bool needs_in, needs_out; /* backward reads `in`, `out`: what it does not, is not kept */
    bool takes_fold; /* y = weights·x + bias by output channel, so that a batch norm behind it can
                        be folded into params[0] (output channel first) and params[1] (the bias) */

    /* Sets node->shape from its inputs' shapes and declares parameters with td_node_param. The
     * message need not name the node. */
    td_status (*infer)(td_net *net, td_node *node, const td_shape *in, td_error *error);

    /* NULL, or: `channels` of a node, where its keys tell. */
    td_channels (*channels_of)(const td_net *net, const td_node *node);

    /* Floats needed for prepared parameters and as scratch for a batch; NULL for none. `backward`
     * is false where only forward will run. */
    size_t (*prepared)(const td_node *node, const td_shape *in);
    size_t (*scratch)(const td_node *node, const td_shape *in, size_t batch, bool backward);

    /* NULL, or: the node clips its input to these and does no more, so that it can be fused to an
     * operator that `clips`. */
    td_bounds (*bounds)(const td_node *node);

    /* NULL, or: the name of the way to compute it that the shapes choose, "winograd". */
    const char *(*path)(const td_node *node, const td_shape *in);

    /* Brings the parameters into the form that the passes read; run when they have changed. Has no
     * scratch. At inference params[0] is not there any more when forward runs. */
    void (*prepare)(const td_run *run);

    /* NULL, or: outside training this node is y = scale·x + shift by channel; writes both,
     * [channels]. It makes the node one that can be folded into an operator that takes_fold. */
    void (*affine)(const td_run *run, float *scale, float *shift);

    /* Each parallelises itself over fixed chunks (base/parallel.h). */
    void (*forward)(const td_run *run);
    void (*backward)(const td_run *run);
} td_op;

/* The const td_op of an operator's file: const td_op TD_OP(relu) = {...}. */
#define TD_OP(name) TD_KERNEL_NAME(td_op_##name)

/* The operator of that name, or NULL; all of them, NULL-terminated. */
const td_op *td_op_find(const char *name);
const td_op *const *td_ops(void);

/* The names of the first node of a net, of what masks channels, and of batch norm. */
#define TD_OP_IMAGE "image"
#define TD_OP_MASK "mask"
#define TD_OP_BATCH_NORM "batch-norm"

/* Writes the reference of all operators: each with what it does, its formula, its shapes and its
 * keys, in columns of plain text. */
void td_ops_reference(FILE *out);

/* Declares the node's next parameter, NODE.SUFFIX; for use in infer(). Its role is TD_TRAINED and
 * its fill 0; td_node_last_param is there to change them. */
td_status td_node_param(td_net *net, td_node *node, const char *suffix, size_t rank,
                        const size_t *dims, size_t fan_in, td_error *error) TD_MUST_USE;

static inline td_param *td_node_last_param(td_net *net) {
    return &net->params[net->param_count - 1];
}

/* Where the channels of a node come from. */
static inline td_channels td_node_channels(const td_net *net, const td_node *node) {
    return node->op->channels_of ? node->op->channels_of(net, node) : node->op->channels;
}

/* The shape of the node's i-th input. */
static inline td_shape td_run_in_shape(const td_run *run, size_t i) {
    return run->net->nodes[run->node->inputs[i]].shape;
}

/* The value of a count key, by its place in op->keys. */
static inline size_t td_node_count(const td_node *node, size_t key) {
    return node->values[key].count;
}

#endif
