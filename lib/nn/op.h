/* Operators: what a node of a net does. Each is one file with one const td_op, listed in op.c. */
#ifndef TD_NN_OP_H
#define TD_NN_OP_H

#include "nn/net.h"

typedef enum td_key_kind {
    TD_KEY_COUNT, /* a whole number */
    TD_KEY_PAIR,  /* a whole number or AxB */
    TD_KEY_REAL,  /* a number or a fraction A/B */
    TD_KEY_LIST,  /* at most TD_VALUE_LIST numbers, A,B,... */
} td_key_kind;

typedef struct td_key {
    const char *name;
    td_key_kind kind;
    double least, most;
    double fallback; /* NAN: the key must be given */
} td_key;

/* One call of an operator on a batch. All arrays are [batch, height, width, channels]. */
typedef struct td_run {
    const td_net *net;
    const td_node *node;
    size_t batch;
    const float *in[TD_NODE_INPUTS];
    float *out;
    const float *params[TD_NODE_PARAMS]; /* NULL for those the node does not have */
    float *prepared; /* what prepare() made of the parameters; the node's own, it survives */
    float *scratch;  /* scratch() floats, shared by all nodes: nothing survives the call */
    bool relu;       /* a ReLU is fused to this node: `out` is after it */
    bool training;   /* batch statistics, dropout */
    uint64_t seed;   /* of draws in training, with the step, the node and the image */
    uint32_t step;

    /* backward only */
    const float *dout;          /* gradient of `out`, or, with `relu`, of what it was before that */
    float *din[TD_NODE_INPUTS]; /* overwritten; NULL where not wanted */
    /* Overwritten; NULL where none are wanted. A running statistic's slot takes this batch's value
     * when training. */
    float *dparams[TD_NODE_PARAMS];
} td_run;

typedef struct td_op {
    const char *name;
    td_key keys[TD_NODE_VALUES]; /* ends at the first without a name */
    size_t least_inputs, most_inputs;
    bool fuses_relu;          /* can apply a following ReLU as it stores */
    bool needs_in, needs_out; /* backward reads `in`, `out`: what it does not, is not kept */
    bool takes_fold; /* y = weights·x + bias by output channel, so that a batch norm behind it can
                        be folded into params[0] (output channel first) and params[1] (the bias) */

    /* Sets node->shape from its inputs' shapes and declares parameters with td_node_param. The
     * message need not name the node. */
    td_status (*infer)(td_net *net, td_node *node, const td_shape *in, td_error *error);

    /* Floats needed for prepared parameters and as scratch for a batch; NULL for none. `backward`
     * is false where only forward will run. */
    size_t (*prepared)(const td_node *node, const td_shape *in);
    size_t (*scratch)(const td_node *node, const td_shape *in, size_t batch, bool backward);

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

/* The operator of that name, or NULL; all of them, NULL-terminated. */
const td_op *td_op_find(const char *name);
extern const td_op *const td_ops[];

/* Declares the node's next parameter, NODE.SUFFIX; for use in infer(). Its role is TD_TRAINED and
 * its fill 0; td_node_last_param is there to change them. */
td_status td_node_param(td_net *net, td_node *node, const char *suffix, size_t rank,
                        const size_t *dims, size_t fan_in, td_error *error) TD_MUST_USE;

static inline td_param *td_node_last_param(td_net *net) {
    return &net->params[net->param_count - 1];
}

/* The shape of the node's i-th input. */
static inline td_shape td_run_in_shape(const td_run *run, size_t i) {
    return run->net->nodes[run->node->inputs[i]].shape;
}

/* The value of a count key, by its place in op->keys. */
static inline size_t td_node_count(const td_node *node, size_t key) {
    return (size_t)node->values[key].first;
}

#endif
