#include "nn/optimizer.h"

#include "base/parallel.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 1 << 14 };

static void update_sgd(const td_step *step, float *restrict w, const float *restrict g,
                       float *restrict v, size_t stride, size_t count) {
    const float lr = (float)step->lr, momentum = (float)step->momentum;
    const float decay = (float)step->weight_decay;
    (void)stride;
    for (size_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= lr * v[i];
    }
}

td_step td_adam_step(double lr, uint64_t number) {
    return (td_step){.lr = lr, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .number = number};
}

void td_adam(const td_step *step, float *restrict w, const float *restrict g, float *restrict m,
             float *restrict v, size_t count) {
    const float beta1 = (float)step->beta1, beta2 = (float)step->beta2;
    const float rest1 = (float)(1 - step->beta1), rest2 = (float)(1 - step->beta2);
    const float decay = (float)step->weight_decay, epsilon = (float)step->epsilon;
    const double t = (double)step->number;
    const float rate = (float)(step->lr / (1 - pow(step->beta1, t)));
    const float unbias = (float)(1 / sqrt(1 - pow(step->beta2, t)));
    for (size_t i = 0; i < count; i++) {
        float gradient = g[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * gradient;
        v[i] = beta2 * v[i] + rest2 * gradient * gradient;
        w[i] -= rate * m[i] / (sqrtf(v[i]) * unbias + epsilon);
    }
}

static void update_adam(const td_step *step, float *w, const float *g, float *state, size_t stride,
                        size_t count) {
    td_adam(step, w, g, state, state + stride, count);
}

const td_optimizer td_optimizers[] = {
    {"sgd", 0.01, 1, update_sgd}, {"adam", 0.001, 2, update_adam}, {0}};

const td_optimizer *td_optimizer_find(const char *name) {
    for (const td_optimizer *o = td_optimizers; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

typedef struct update {
    const td_optimizer *optimizer;
    const td_step *step;
    float *weights, *state;
    const float *gradient;
    size_t stride;
} update;

static void update_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const update *u = context;
    (void)chunk, (void)thread;
    u->optimizer->update(u->step, u->weights + begin, u->gradient + begin, u->state + begin,
                         u->stride, end - begin);
}

void td_optimizer_step(const td_optimizer *optimizer, const td_step *step, const td_net *net,
                       float *weights, const float *gradient, float *state) {
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        if (!td_param_learns(param))
            continue;
        size_t count = param->count; /* with the neighbours behind: one loop for many small ones */
        while (i + 1 < net->param_count && td_param_learns(&net->params[i + 1]) &&
               net->params[i + 1].offset == param->offset + count)
            count += net->params[++i].count;
        update u = {optimizer,
                    step,
                    weights + param->offset,
                    state + param->offset,
                    gradient + param->offset,
                    net->weight_count};
        td_parallel_for(count, CHUNK, update_chunk, &u);
    }
}
