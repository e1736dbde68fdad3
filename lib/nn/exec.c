/* SPDX-License-Identifier: MIT */
#include "nn/exec.h"

#include "base/parallel.h"
#include "base/size.h"
#include "nn/op.h"
#include "nn/passes.h"
#include "nn/plan.h"
#include <stdlib.h>

enum { NONE = -1, ELEMENT_CHUNK = 1 << 14, CACHE_LINE = 16 }; /* floats */

/* The executor's data for a node. Buffers are indices into the plan; NONE if there is none. */
typedef struct slot {
    bool fused; /* computed by an earlier operator, as a ReLU or a folded batch norm may be */
    bool clips; /* to the bounds of a following node that is fused to it */
    td_bounds bounds;
    bool wants;      /* its gradient is needed, for itself or for earlier nodes */
    size_t last_use; /* the last step that reads it: node i runs forward at step i and backward at
                        step 2n−1−i */
    ptrdiff_t fold;  /* the node folded into this one's parameters, or NONE */
    float *folded;   /* those weights; in scratch memory if only prepare() reads them */
    float *folded_bias; /* followed by the scale of each output channel */
    float *prepared;
    ptrdiff_t activation, gradient;
    ptrdiff_t extra[TD_NODE_INPUTS]; /* for a gradient that is added to an earlier one */
} slot;

struct td_exec {
    const td_net *net;
    td_exec_kind kind;
    size_t batch;
    size_t chunk; /* images that one thread takes through the whole net; 0: a batch goes layer by
                     layer, each on all threads */
    slot *slots;
    td_plan_buffer *buffers;
    size_t buffer_count;
    float *pool, *scratch; /* per thread, with chunks */
    size_t pool_floats, scratch_floats;
    float *input, *logits; /* for the whole batch, with chunks; otherwise they are in the pool */
    const float *weights;
    size_t forward_batch; /* images of the last forward pass */
    bool training;
    uint64_t seed;
    uint32_t step;
    td_arena arena;
};

static td_shape *input_shapes(const td_net *net, const td_node *node,
                              td_shape shapes[TD_NODE_INPUTS]) {
    for (size_t i = 0; i < node->input_count; i++)
        shapes[i] = net->nodes[node->inputs[i]].shape;
    return shapes;
}

static size_t backward_step(const td_exec *exec, size_t node) {
    return 2 * exec->net->node_count - 1 - node;
}

/* Whether the node has parameters that are not all frozen and gradients are wanted. */
static bool has_gradient(const td_net *net, const td_node *node) {
    for (size_t p = 0; p < node->param_count; p++)
        if (!net->params[node->params[p]].frozen)
            return true;
    return false;
}

/* Determines the wanted gradients, and the last use of each result. */
static void analyse(td_exec *exec) {
    const td_net *net = exec->net;
    const bool backward = exec->kind != TD_FORWARD;
    exec->slots[0].wants = exec->kind == TD_BACKWARD_INPUT || exec->kind == TD_BACKWARD_IMAGE;
    for (size_t i = 1; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        slot *mine = &exec->slots[i];
        mine->wants = exec->kind != TD_BACKWARD_IMAGE && has_gradient(net, node);
        mine->last_use = backward && node->op->needs_out ? backward_step(exec, i) : i;
        for (size_t k = 0; k < node->input_count; k++) {
            slot *input = &exec->slots[node->inputs[k]];
            size_t use = backward && node->op->needs_in ? backward_step(exec, i) : i;
            input->last_use = td_size_max(input->last_use, use);
            mine->wants |= input->wants;
        }
    }
    slot *logits = &exec->slots[net->node_count - 1];
    logits->last_use = td_size_max(logits->last_use, net->node_count - 1);
}

static size_t count_uses(const td_net *net, size_t node) {
    size_t uses = 0;
    for (size_t j = node + 1; j < net->node_count; j++)
        for (size_t k = 0; k < net->nodes[j].input_count; k++)
            uses += net->nodes[j].inputs[k] == node;
    return uses;
}

/* Fuses nodes to the operator before them: a ReLU or another clipping node into its store and, if
 * parameters are frozen, a batch norm into its weights. The intermediate result must have no other
 * reader. */
static void fuse(td_exec *exec) {
    const td_net *net = exec->net;
    const bool frozen = exec->kind == TD_FORWARD || exec->kind == TD_BACKWARD_IMAGE;
    for (size_t i = 1; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        if (node->input_count != 1 || count_uses(net, node->inputs[0]) != 1)
            continue;
        size_t root = node->inputs[0]; /* the operator that does the work */
        while (exec->slots[root].fused)
            root = net->nodes[root].inputs[0];
        slot *before = &exec->slots[root];
        const td_op *op = net->nodes[root].op;
        if (node->op->bounds && op->clips && !before->clips) {
            before->bounds = node->op->bounds(node);
            before->clips = exec->slots[i].fused = true;
        } else if (frozen && node->op->affine && op->takes_fold && !before->clips &&
                   before->fold == NONE) {
            before->fold = (ptrdiff_t)i;
            exec->slots[i].fused = true;
        }
    }
}

static ptrdiff_t add_buffer(td_exec *exec, const td_node *node, size_t first, size_t last) {
    exec->buffers[exec->buffer_count] = (td_plan_buffer){
        (exec->chunk ? exec->chunk : exec->batch) * td_shape_size(node->shape), first, last, 0};
    return (ptrdiff_t)exec->buffer_count++;
}

/* A fused node's result is where the operator that computes it stores it. In the backward pass a
 * fused ReLU runs with that operator, later than on its own. */
static void add_activations(td_exec *exec) {
    const td_net *net = exec->net;
    for (size_t i = 0; i < net->node_count; i++) {
        slot *mine = &exec->slots[i];
        if (!mine->fused) {
            size_t last = mine->last_use;
            if (mine->clips && exec->kind != TD_FORWARD)
                last = backward_step(exec, i);
            mine->activation = add_buffer(exec, &net->nodes[i], i, last);
        } else {
            mine->activation = exec->slots[net->nodes[i].inputs[0]].activation;
            td_plan_buffer *shared = &exec->buffers[mine->activation];
            shared->last = td_size_max(shared->last, mine->last_use);
        }
    }
}

static void add_gradients(td_exec *exec) {
    const td_net *net = exec->net;
    size_t n = net->node_count;
    exec->slots[n - 1].gradient = add_buffer(exec, &net->nodes[n - 1], n - 1, n);
    for (size_t i = n; i-- > 0;) {
        const td_node *node = &net->nodes[i];
        size_t step = backward_step(exec, i);
        for (size_t k = 0; k < node->input_count; k++) {
            slot *input = &exec->slots[node->inputs[k]];
            if (!input->wants || !exec->slots[i].wants)
                continue;
            if (exec->slots[i].fused) {
                input->gradient = exec->slots[i].gradient;
                exec->buffers[input->gradient].last = backward_step(exec, node->inputs[k]);
            } else if (input->gradient == NONE) {
                input->gradient = add_buffer(exec, &net->nodes[node->inputs[k]], step,
                                             backward_step(exec, node->inputs[k]));
            } else {
                exec->slots[i].extra[k] =
                    add_buffer(exec, &net->nodes[node->inputs[k]], step, step);
            }
        }
    }
}

static td_status allocate_folded(td_exec *exec, td_error *error) {
    const td_net *net = exec->net;
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        slot *mine = &exec->slots[i];
        if (mine->fold == NONE)
            continue;
        mine->folded = exec->scratch;
        if (!node->op->prepare || exec->kind != TD_FORWARD)
            TD_TRY(TD_ARENA_NEW(&exec->arena, net->params[node->params[0]].count, &mine->folded,
                                "folded parameters", error));
        TD_TRY(TD_ARENA_NEW(&exec->arena, 2 * node->shape.channels, &mine->folded_bias,
                            "folded parameters", error));
    }
    return TD_OK;
}

/* Input and logits of the whole batch, which are not in the chunks' pools. */
static td_status allocate_ends(td_exec *exec, td_error *error) {
    const td_net *net = exec->net;
    const size_t n = net->node_count;
    if (exec->chunk == 0)
        return TD_OK;
    exec->buffers[exec->slots[0].activation].floats = 0;
    exec->buffers[exec->slots[n - 1].activation].floats = 0;
    TD_TRY(td_arena_alloc(&exec->arena, exec->batch,
                          td_shape_size(td_net_input(net)) * sizeof(float), (void **)&exec->input,
                          "images", error));
    return td_arena_alloc(&exec->arena, exec->batch, td_net_classes(net) * sizeof(float),
                          (void **)&exec->logits, "logits", error);
}

/* Floats of scratch, per thread or in total, and of prepared parameters. */
static td_status allocate_prepared(td_exec *exec, td_error *error) {
    const td_net *net = exec->net;
    const size_t batch = exec->chunk ? exec->chunk : exec->batch;
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        td_shape in[TD_NODE_INPUTS] = {{0}};
        input_shapes(net, node, in);
        if (node->op->prepared)
            TD_TRY(TD_ARENA_NEW(&exec->arena, node->op->prepared(node, in),
                                &exec->slots[i].prepared, "prepared parameters", error));
        if (node->op->scratch)
            exec->scratch_floats = td_size_max(
                exec->scratch_floats, node->op->scratch(node, in, batch, exec->kind != TD_FORWARD));
        if (exec->slots[i].fold != NONE && node->op->prepare)
            exec->scratch_floats =
                td_size_max(exec->scratch_floats, net->params[node->params[0]].count);
    }
    return TD_OK;
}

static td_status allocate(td_exec *exec, td_error *error) {
    const size_t copies = exec->chunk ? td_threads() : 1;
    TD_TRY(allocate_ends(exec, error));
    TD_TRY(td_plan(exec->buffers, exec->buffer_count, &exec->pool_floats, error));
    const bool before = td_parallel_alone(exec->chunk > 0);
    td_status status = allocate_prepared(exec, error);
    td_parallel_alone(before);
    TD_TRY(status);
    exec->scratch_floats = td_size_round_up(exec->scratch_floats, CACHE_LINE);
    TD_TRY(td_arena_alloc(&exec->arena, copies, exec->pool_floats * sizeof(float),
                          (void **)&exec->pool, "activations", error));
    TD_TRY(td_arena_alloc(&exec->arena, copies, exec->scratch_floats * sizeof(float),
                          (void **)&exec->scratch, "scratch memory", error));
    return allocate_folded(exec, error);
}

static td_status build(td_exec *exec, td_error *error) {
    size_t n = exec->net->node_count, most_buffers = n * (2 + TD_NODE_INPUTS);
    TD_TRY(TD_ARENA_NEW(&exec->arena, n, &exec->slots, "an executor", error));
    TD_TRY(TD_ARENA_NEW(&exec->arena, most_buffers, &exec->buffers, "an executor", error));
    for (size_t i = 0; i < n; i++) {
        exec->slots[i].gradient = exec->slots[i].fold = NONE;
        for (size_t k = 0; k < TD_NODE_INPUTS; k++)
            exec->slots[i].extra[k] = NONE;
    }
    analyse(exec);
    fuse(exec);
    add_activations(exec);
    if (exec->kind != TD_FORWARD)
        add_gradients(exec);
    return allocate(exec, error);
}

/* The most floats of an image that any node reads and writes. */
static size_t widest(const td_net *net) {
    size_t most = 1;
    for (size_t i = 1; i < net->node_count; i++) {
        size_t floats = td_shape_size(net->nodes[i].shape);
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            floats += td_shape_size(net->nodes[net->nodes[i].inputs[k]].shape);
        most = td_size_max(most, floats);
    }
    return most;
}

/* In inference images are independent. A chunk is large enough to read the weights once for many
 * images, small enough to give each thread several, and has no more activations than there are
 * weights unless the cache holds both. It depends only on the batch and the net, because bits
 * depend on it. */
static size_t chunk_of(const td_net *net, td_exec_kind kind, size_t batch) {
    enum { LEAST = 16, MOST = 64, CHUNKS = 8, CACHE_FLOATS = 4 << 20 };
    if (kind != TD_FORWARD || batch < 2 * LEAST)
        return 0;
    const size_t floats = td_size_max(CACHE_FLOATS, net->weight_count);
    return td_size_min(td_size_min(MOST, td_size_max(LEAST, batch / CHUNKS)),
                       td_size_max(1, floats / widest(net)));
}

td_status td_exec_new(td_exec **out, const td_net *net, size_t batch, td_exec_kind kind,
                      td_error *error) {
    td_exec *exec = calloc(1, sizeof *exec);
    *out = NULL;
    if (!exec)
        return td_fail_memory(error, "an executor");
    exec->net = net;
    exec->batch = batch;
    exec->kind = kind;
    exec->chunk = chunk_of(net, kind, batch);
    td_status status = build(exec, error);
    if (status == TD_OK)
        *out = exec;
    else
        td_exec_free(exec);
    return status;
}

void td_exec_free(td_exec *exec) {
    if (exec)
        td_arena_free(&exec->arena);
    free(exec);
}

/* The executor's buffers and images for a pass. */
typedef struct place {
    size_t first, count; /* images of the batch */
    size_t thread;
} place;

static float *buffer_at(const td_exec *exec, place at, ptrdiff_t index) {
    const td_net *net = exec->net;
    if (index == NONE)
        return NULL;
    if (exec->chunk && index == exec->slots[0].activation)
        return exec->input + at.first * td_shape_size(td_net_input(net));
    if (exec->chunk && index == exec->slots[net->node_count - 1].activation)
        return exec->logits + at.first * td_net_classes(net);
    return exec->pool + at.thread * exec->pool_floats + exec->buffers[index].offset;
}

/* The whole of the last batch. */
static place whole(const td_exec *exec) {
    return (place){.count = exec->forward_batch};
}

/* The common part of forward and backward of node i. */
static td_run run_of(const td_exec *exec, place at, size_t i) {
    const td_node *node = &exec->net->nodes[i];
    const slot *mine = &exec->slots[i];
    td_run run = {.net = exec->net,
                  .node = node,
                  .batch = at.count,
                  .out = buffer_at(exec, at, mine->activation),
                  .prepared = mine->prepared,
                  .scratch = exec->scratch + at.thread * exec->scratch_floats,
                  .bounds = mine->clips ? mine->bounds : TD_UNBOUNDED,
                  .training = exec->training,
                  .seed = exec->seed,
                  .step = exec->step};
    for (size_t k = 0; k < node->input_count; k++)
        run.in[k] = buffer_at(exec, at, exec->slots[node->inputs[k]].activation);
    for (size_t p = 0; p < node->param_count; p++)
        run.params[p] = exec->weights + exec->net->params[node->params[p]].offset;
    if (mine->folded) {
        run.params[0] = mine->folded;
        run.params[1] = mine->folded_bias;
    }
    return run;
}

/* Folds the affine map of the following node into node i: y = s·(W·x + b) + t = (s·W)·x + (s·b +
 * t). */
static void fold(const td_exec *exec, size_t i) {
    const td_net *net = exec->net;
    const td_node *node = &net->nodes[i];
    const slot *mine = &exec->slots[i];
    const td_param *param = &net->params[node->params[0]];
    const size_t channels = node->shape.channels, row = param->count / channels;
    const float *w = exec->weights + param->offset;
    const float *b =
        node->param_count > 1 ? exec->weights + net->params[node->params[1]].offset : NULL;
    float *folded = mine->folded, *bias = mine->folded_bias, *scale = bias + channels;
    td_run behind = run_of(exec, whole(exec), (size_t)mine->fold);
    behind.node->op->affine(&behind, scale, bias);
    for (size_t o = 0; o < channels; o++) {
        bias[o] += b ? scale[o] * b[o] : 0;
        for (size_t k = 0; k < row; k++)
            folded[o * row + k] = scale[o] * w[o * row + k];
    }
}

void td_exec_weights(td_exec *exec, const float *weights) {
    exec->weights = weights;
    for (size_t i = 0; i < exec->net->node_count; i++) {
        if (exec->slots[i].fused)
            continue;
        if (exec->slots[i].fold != NONE)
            fold(exec, i);
        td_run run = run_of(exec, whole(exec), i);
        run.scratch = NULL;
        if (run.node->op->prepare)
            run.node->op->prepare(&run);
    }
}

void td_exec_training(td_exec *exec, uint64_t seed, uint32_t step) {
    exec->training = true;
    exec->seed = seed;
    exec->step = step;
}

float *td_exec_input(td_exec *exec) {
    return buffer_at(exec, whole(exec), exec->slots[0].activation);
}

static void run_forward(const td_exec *exec, place at) {
    for (size_t i = 1; i < exec->net->node_count; i++)
        if (!exec->slots[i].fused) {
            td_run run = run_of(exec, at, i);
            run.node->op->forward(&run);
        }
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    (void)chunk;
    run_forward(context, (place){begin, end - begin, thread});
}

const float *td_exec_forward(td_exec *exec, size_t batch) {
    exec->forward_batch = batch;
    td_passes_add_forward(batch);
    if (exec->chunk)
        td_parallel_claim(batch, exec->chunk, forward_chunk, exec);
    else
        run_forward(exec, whole(exec));
    return buffer_at(exec, whole(exec), exec->slots[exec->net->node_count - 1].activation);
}

float *td_exec_logits_gradient(td_exec *exec) {
    return buffer_at(exec, whole(exec), exec->slots[exec->net->node_count - 1].gradient);
}

typedef struct sum {
    float *to;
    const float *from;
} sum;

static void add_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const sum *s = context;
    (void)chunk, (void)thread;
    td_kernel_used()->add(s->to + begin, s->from + begin, end - begin);
}

typedef struct gate {
    float *dout;
    const float *out;
    td_bounds bounds;
} gate;

static void gate_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const gate *g = context;
    (void)chunk, (void)thread;
    td_kernel_used()->gate(g->bounds, g->dout + begin, g->out + begin, end - begin);
}

static void backward_node(td_exec *exec, size_t i, float *dweights) {
    const td_net *net = exec->net;
    const slot *mine = &exec->slots[i];
    const place at = whole(exec);
    td_run run = run_of(exec, at, i);
    run.dout = buffer_at(exec, at, mine->gradient);
    for (size_t k = 0; k < run.node->input_count; k++) {
        ptrdiff_t target =
            mine->extra[k] != NONE ? mine->extra[k] : exec->slots[run.node->inputs[k]].gradient;
        run.din[k] = buffer_at(exec, at, target);
    }
    const bool gradient = dweights && has_gradient(net, run.node);
    for (size_t p = 0; gradient && p < run.node->param_count; p++)
        run.dparams[p] = dweights + net->params[run.node->params[p]].offset;
    if (mine->clips && !run.node->op->gates) {
        gate g = {buffer_at(exec, at, mine->gradient), run.out, mine->bounds};
        td_parallel_for(run.batch * td_shape_size(run.node->shape), ELEMENT_CHUNK, gate_chunk, &g);
    }
    run.node->op->backward(&run);
    for (size_t k = 0; k < run.node->input_count; k++)
        if (mine->extra[k] != NONE) {
            size_t input = run.node->inputs[k];
            sum s = {buffer_at(exec, at, exec->slots[input].gradient), run.din[k]};
            td_parallel_for(run.batch * td_shape_size(net->nodes[input].shape), ELEMENT_CHUNK,
                            add_chunk, &s);
        }
}

const float *td_exec_backward(td_exec *exec, float *dweights) {
    td_passes_add_backward(exec->forward_batch);
    for (size_t i = exec->net->node_count; i-- > 1;)
        if (exec->slots[i].wants && !exec->slots[i].fused)
            backward_node(exec, i, dweights);
    return buffer_at(exec, whole(exec), exec->slots[0].gradient);
}

size_t td_exec_bytes(const td_exec *exec) {
    return exec->arena.bytes;
}
