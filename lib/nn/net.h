/* SPDX-License-Identifier: MIT */
/* A net: a graph of operators in topological order, with a text form.
 *
 * One line per node: NAME = OPERATOR(INPUT, ...) key=value ..., for example
 *     conv1 = conv(scale) out=32 kernel=3 pad=0
 * Inputs are names of earlier lines. A value is a number, a pair AxB, a fraction A/B, a list A,B,C
 * (one number per channel, or one for all), or one of the variables height, width, channels and
 * classes, which are those of the data. The first node is the image, raw pixels 0–255; the last
 * gives the logits. # begins a comment.
 *
 * A net holds no weights: parameters are named slots in one flat array of floats that the caller
 * owns, laid out as in PyTorch's state_dict (conv: OIHW, dense: out×in), so that one array can be
 * trained, averaged, saved or compared as a whole. */
#ifndef TD_NN_NET_H
#define TD_NN_NET_H

#include "base/arena.h"
#include "base/error.h"
#include "base/key.h"
#include "base/shape.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TD_NODE_INPUTS = 128, TD_NODE_VALUES = 8, TD_NODE_PARAMS = 5, TD_PARAM_RANK = 4 };

typedef enum td_param_role {
    TD_TRAINED,  /* by gradients */
    TD_RUNNING,  /* a batch statistic, averaged over batches */
    TD_CONSTANT, /* set by the caller, such as a mask */
} td_param_role;

typedef struct td_param {
    const char *name; /* "conv1.weight" */
    size_t rank, dims[TD_PARAM_RANK];
    size_t offset, count; /* floats, in the flat array */
    size_t fan_in;        /* inputs of one output, for He-uniform initial values; 0: `fill` */
    float fill;           /* initial value if fan_in is 0 */
    td_param_role role;
    float momentum; /* of a running statistic: the weight of the newest batch, as in PyTorch */
    bool frozen;    /* not trained */
} td_param;

/* Whether an optimiser changes it. */
static inline bool td_param_learns(const td_param *param) {
    return param->role == TD_TRAINED && !param->frozen;
}

typedef struct td_node {
    const char *name;
    const struct td_op *op;
    size_t inputs[TD_NODE_INPUTS], input_count; /* indices of earlier nodes */
    td_setting values[TD_NODE_VALUES];          /* in the order of op->keys; all are given */
    td_shape shape;                             /* of its output for one image */
    size_t params[TD_NODE_PARAMS], param_count; /* indices into net->params */
} td_node;

typedef struct td_net {
    td_node *nodes;
    size_t node_count;
    td_param *params;
    size_t param_count;
    size_t weight_count; /* floats of all parameters */
    td_arena arena;
} td_net;

/* The values of the variables in a net text. */
typedef struct td_net_variables {
    size_t height, width, channels, classes;
} td_net_variables;

/* Builds a net from its text. `variables` may be NULL for a text without variables. Errors give the
 * line and the node. On failure *net is zeroed. */
td_status td_net_parse(td_net *net, const char *text, const td_net_variables *variables,
                       td_error *error) TD_MUST_USE;

/* The text of a net with variables replaced by their values; parsing it gives the same net. In
 * `arena`. */
td_status td_net_text(const td_net *net, td_arena *arena, char **out, td_error *error) TD_MUST_USE;

/* Whether two nets compute the same from the same parameters: the same operators on the same inputs
 * with the same values, whatever the nodes' names. A model that was exported is the same net. */
bool td_net_is_same(const td_net *a, const td_net *b);

void td_net_free(td_net *net);

static inline td_shape td_net_input(const td_net *net) {
    return net->nodes[0].shape;
}

static inline size_t td_net_classes(const td_net *net) {
    return net->nodes[net->node_count - 1].shape.channels;
}

/* Averages a batch's statistics into the weights: w += momentum · (batch − w). The backward pass
 * left them in `batch` [weight_count], in the slots of the running statistics. */
void td_net_update_running(const td_net *net, const float *batch, float *weights);

/* Draws initial weights: He-uniform (He et al. 2015, U(±√(6/fan_in))) from Philox by parameter. */
void td_net_init(const td_net *net, uint64_t seed, float *weights);

/* The text of a net of the zoo, or NULL. td_zoo_names lists the names, NULL-terminated. */
const char *td_zoo_text(const char *name);
extern const char *const td_zoo_names[];

#endif
