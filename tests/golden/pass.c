/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include "made.h"
#include "nn/loss.h"
#include "nn/op.h"
#include <string.h>

td_status pass_run(pass *out, const td_net *net, const float *weights, uint32_t seed, size_t batch,
                   bool training, td_error *error) {
    size_t classes = td_net_classes(net);
    int32_t *labels;
    float *logits, *dweights;
    *out = (pass){0};
    TD_TRY(td_exec_new(&out->exec, net, batch, TD_BACKWARD_INPUT, error));
    TD_TRY(TD_ARENA_NEW(&out->arena, batch, &labels, "labels", error));
    TD_TRY(TD_ARENA_NEW(&out->arena, batch * classes, &logits, "logits", error));
    TD_TRY(TD_ARENA_NEW(&out->arena, net->weight_count, &dweights, "gradients", error));
    td_exec_weights(out->exec, weights);
    if (training)
        td_exec_training(out->exec, seed, 0);
    made_images(seed, batch * td_shape_size(td_net_input(net)), td_exec_input(out->exec));
    made_labels(seed, batch, classes, labels);
    memcpy(logits, td_exec_forward(out->exec, batch), batch * classes * sizeof *logits);
    td_loss loss =
        td_cross_entropy(logits, labels, batch, classes, td_exec_logits_gradient(out->exec));
    out->dinput = td_exec_backward(out->exec, dweights);
    out->dweights = dweights;
    out->logits = logits;
    out->loss = loss.sum / (double)batch;
    return TD_OK;
}

void pass_free(pass *done) {
    td_exec_free(done->exec);
    td_arena_free(&done->arena);
    done->exec = NULL;
}

void pass_without_dropout(td_net *net) {
    for (size_t i = 0; i < net->node_count; i++)
        if (strcmp(net->nodes[i].op->name, "dropout") == 0)
            net->nodes[i].values[0].number = 0;
}
