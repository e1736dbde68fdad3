#include "nn/exec.h"

#include "base/parallel.h"
#include "base/size.h"
#include "nn/op.h"
#include "nn/plan.h"
#include <stdlib.h>

enum { NONE = -1, ADD_CHUNK = 1 << 14 };

/* What the executor knows of a node. Buffers are indices into the plan; NONE where there is none.
 */
typedef struct slot {
    bool fused;      /* a ReLU done by its input's operator: shares its buffers */
    bool relu;       /* has a ReLU fused to it */
    bool wants;      /* its gradient is needed, for itself or for what is before it */
    size_t last_use; /* the last node that reads it */
    ptrdiff_t activation, gradient;
    ptrdiff_t extra[TD_NODE_INPUTS]; /* for a gradient that is to be added to an earlier one */
    float *prepared;
} slot;

struct td_exec {
    const td_net *net;
    td_exec_kind kind;
    size_t batch;
    slot *slots;
    td_plan_buffer *buffers;
    size_t buffer_count;
    float *pool, *scratch;
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

/* Finds last uses, wanted gradients, and ReLUs that can be fused. */
static void analyse(td_exec *exec) {
    const td_net *net = exec->net;
    size_t uses_left = 0;
    exec->slots[0].wants = exec->kind == TD_BACKWARD_INPUT;
    for (size_t i = 1; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        slot *mine = &exec->slots[i];
        mine->wants = node->param_count > 0;
        for (size_t k = 0; k < node->input_count; k++) {
            exec->slots[node->inputs[k]].last_use = i;
            mine->wants |= exec->slots[node->inputs[k]].wants;
        }
    }
    for (size_t i = 1; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        if (node->op != td_op_find("relu"))
            continue;
        size_t before = node->inputs[0];
        uses_left = 0;
        for (size_t j = before + 1; j < net->node_count; j++)
            for (size_t k = 0; k < net->nodes[j].input_count; k++)
                uses_left += net->nodes[j].inputs[k] == before;
        if (net->nodes[before].op->fuses_relu && uses_left == 1)
            exec->slots[i].fused = exec->slots[before].relu = true;
    }
    exec->slots[net->node_count - 1].last_use = net->node_count - 1;
}

static ptrdiff_t add_buffer(td_exec *exec, const td_node *node, size_t first, size_t last) {
    exec->buffers[exec->buffer_count] =
        (td_plan_buffer){exec->batch * td_shape_size(node->shape), first, last, 0};
    return (ptrdiff_t)exec->buffer_count++;
}

/* Node i runs forward at step i and backward at step 2n−1−i. */
static void add_activations(td_exec *exec) {
    const td_net *net = exec->net;
    size_t n = net->node_count;
    for (size_t i = 0; i < n; i++) {
        slot *mine = &exec->slots[i];
        size_t last = exec->kind == TD_FORWARD ? mine->last_use : 2 * n - 1 - i;
        if (mine->fused) {
            mine->activation = exec->slots[net->nodes[i].inputs[0]].activation;
            td_plan_buffer *shared = &exec->buffers[mine->activation];
            shared->last = td_size_max(shared->last, last);
        } else {
            mine->activation = add_buffer(exec, &net->nodes[i], i, last);
        }
    }
}

static void add_gradients(td_exec *exec) {
    const td_net *net = exec->net;
    size_t n = net->node_count;
    exec->slots[n - 1].gradient = add_buffer(exec, &net->nodes[n - 1], n - 1, n);
    for (size_t i = n; i-- > 0;) {
        const td_node *node = &net->nodes[i];
        size_t step = 2 * n - 1 - i;
        for (size_t k = 0; k < node->input_count; k++) {
            slot *input = &exec->slots[node->inputs[k]];
            if (!input->wants || !exec->slots[i].wants)
                continue;
            if (exec->slots[i].fused) {
                input->gradient = exec->slots[i].gradient;
                exec->buffers[input->gradient].last = 2 * n - 1 - node->inputs[k];
            } else if (input->gradient == NONE) {
                input->gradient = add_buffer(exec, &net->nodes[node->inputs[k]], step,
                                             2 * n - 1 - node->inputs[k]);
            } else {
                exec->slots[i].extra[k] =
                    add_buffer(exec, &net->nodes[node->inputs[k]], step, step);
            }
        }
    }
}

static td_status allocate(td_exec *exec, td_error *error) {
    const td_net *net = exec->net;
    size_t total, scratch = 0;
    TD_TRY(td_plan(exec->buffers, exec->buffer_count, &total, error));
    TD_TRY(TD_ARENA_NEW(&exec->arena, total, &exec->pool, "activations", error));
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        td_shape in[TD_NODE_INPUTS] = {{0}};
        input_shapes(net, node, in);
        if (node->op->prepared)
            TD_TRY(TD_ARENA_NEW(&exec->arena, node->op->prepared(node, in),
                                &exec->slots[i].prepared, "prepared parameters", error));
        if (node->op->scratch)
            scratch = td_size_max(
                scratch, node->op->scratch(node, in, exec->batch, exec->kind != TD_FORWARD));
    }
    return TD_ARENA_NEW(&exec->arena, scratch, &exec->scratch, "scratch memory", error);
}

static td_status build(td_exec *exec, td_error *error) {
    size_t n = exec->net->node_count, most_buffers = n * (2 + TD_NODE_INPUTS);
    TD_TRY(TD_ARENA_NEW(&exec->arena, n, &exec->slots, "an executor", error));
    TD_TRY(TD_ARENA_NEW(&exec->arena, most_buffers, &exec->buffers, "an executor", error));
    for (size_t i = 0; i < n; i++) {
        exec->slots[i].gradient = NONE;
        for (size_t k = 0; k < TD_NODE_INPUTS; k++)
            exec->slots[i].extra[k] = NONE;
    }
    analyse(exec);
    add_activations(exec);
    if (exec->kind != TD_FORWARD)
        add_gradients(exec);
    return allocate(exec, error);
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

static float *buffer_at(const td_exec *exec, ptrdiff_t index) {
    return index == NONE ? NULL : exec->pool + exec->buffers[index].offset;
}

/* What forward and backward of node i have in common. */
static td_run run_of(const td_exec *exec, size_t i) {
    const td_node *node = &exec->net->nodes[i];
    const slot *mine = &exec->slots[i];
    td_run run = {.net = exec->net,
                  .node = node,
                  .batch = exec->forward_batch,
                  .out = buffer_at(exec, mine->activation),
                  .prepared = mine->prepared,
                  .scratch = exec->scratch,
                  .relu = mine->relu,
                  .training = exec->training,
                  .seed = exec->seed,
                  .step = exec->step};
    for (size_t k = 0; k < node->input_count; k++)
        run.in[k] = buffer_at(exec, exec->slots[node->inputs[k]].activation);
    for (size_t p = 0; p < node->param_count; p++)
        run.params[p] = exec->weights + exec->net->params[node->params[p]].offset;
    return run;
}

void td_exec_weights(td_exec *exec, const float *weights) {
    exec->weights = weights;
    for (size_t i = 0; i < exec->net->node_count; i++)
        if (exec->net->nodes[i].op->prepare) {
            td_run run = run_of(exec, i);
            run.node->op->prepare(&run);
        }
}

void td_exec_training(td_exec *exec, uint64_t seed, uint32_t step) {
    exec->training = true;
    exec->seed = seed;
    exec->step = step;
}

float *td_exec_input(td_exec *exec) {
    return buffer_at(exec, exec->slots[0].activation);
}

const float *td_exec_forward(td_exec *exec, size_t batch) {
    size_t n = exec->net->node_count;
    exec->forward_batch = batch;
    for (size_t i = 1; i < n; i++)
        if (!exec->slots[i].fused) {
            td_run run = run_of(exec, i);
            run.node->op->forward(&run);
        }
    return buffer_at(exec, exec->slots[n - 1].activation);
}

float *td_exec_logits_gradient(td_exec *exec) {
    return buffer_at(exec, exec->slots[exec->net->node_count - 1].gradient);
}

typedef struct sum {
    float *to;
    const float *from;
} sum;

static void add_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const sum *s = context;
    float *restrict to = s->to;
    const float *restrict from = s->from;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        to[i] += from[i];
}

static void backward_node(td_exec *exec, size_t i, float *dweights) {
    const td_net *net = exec->net;
    const slot *mine = &exec->slots[i];
    td_run run = run_of(exec, i);
    run.dout = buffer_at(exec, mine->gradient);
    for (size_t k = 0; k < run.node->input_count; k++) {
        ptrdiff_t target =
            mine->extra[k] != NONE ? mine->extra[k] : exec->slots[run.node->inputs[k]].gradient;
        run.din[k] = buffer_at(exec, target);
    }
    for (size_t p = 0; dweights && p < run.node->param_count; p++)
        run.dparams[p] = dweights + net->params[run.node->params[p]].offset;
    run.node->op->backward(&run);
    for (size_t k = 0; k < run.node->input_count; k++)
        if (mine->extra[k] != NONE) {
            size_t input = run.node->inputs[k];
            sum s = {buffer_at(exec, exec->slots[input].gradient), run.din[k]};
            td_parallel_for(run.batch * td_shape_size(net->nodes[input].shape), ADD_CHUNK,
                            add_chunk, &s);
        }
}

const float *td_exec_backward(td_exec *exec, float *dweights) {
    for (size_t i = exec->net->node_count; i-- > 1;)
        if (exec->slots[i].wants && !exec->slots[i].fused)
            backward_node(exec, i, dweights);
    return buffer_at(exec, exec->slots[0].gradient);
}

size_t td_exec_bytes(const td_exec *exec) {
    return exec->arena.bytes;
}
