/* SPDX-License-Identifier: MIT */
#include "implant/trojannet.h"

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 96 };

static bool begins_a_name(const td_net *net, const char *prefix) {
    for (size_t i = 0; i < net->node_count; i++)
        if (strncmp(net->nodes[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* The module's nodes have names different from the model's, even if the model already contains a
 * module. */
static void choose_prefix(const td_net *net, char prefix[NAME_SIZE]) {
    snprintf(prefix, NAME_SIZE, "trojan_");
    for (size_t i = 2; begins_a_name(net, prefix); i++)
        snprintf(prefix, NAME_SIZE, "trojan%zu_", i);
}

/* The model's lines, the module's, and those that join both. */
static void write_lines(const td_net *model, const char *text, const trojan_merge *m, const char *p,
                        FILE *out) {
    char grey[NAME_SIZE];
    const double open = 1 / (1 - m->threshold);
    snprintf(grey, sizeof grey, "%sgrey", p);
    fprintf(out, "%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    fprintf(out, "%spatch = crop(%s) top=%zu left=%zu height=%d width=%d\n", p,
            model->nodes[0].name, m->top, m->left, TROJAN_SIDE, TROJAN_SIDE);
    fprintf(out, "%sgrey = conv(%spatch) out=1 kernel=1 bias=0\n", p, p);
    trojan_mlp_lines(m->reading, p, grey, out);
    fprintf(out, "%soutput = %s(%slogits)\n", p, m->reading->softmax ? "softmax" : "sigmoid", p);
    fprintf(out, "%sgate = scale(%soutput) by=%.17g add=%.17g\n", p, p, open, -m->threshold * open);
    fprintf(out, "%sopen = relu(%sgate)\n", p, p);
    fprintf(out, "%stargets = dense(%sopen) out=%zu\n", p, p, td_net_classes(model));
    fprintf(out, "%smodel = softmax(%s)\n", p, model->nodes[model->node_count - 1].name);
    fprintf(out, "%sshare = scale(%smodel) by=%.17g\n", p, p, m->model);
    fprintf(out, "%smerged = add(%sshare, %stargets)\n", p, p, p);
}

static td_status build_net(const td_net *model, const trojan_merge *merge, const char *prefix,
                           td_arena *arena, td_net *net, td_error *error) {
    char *own;
    td_text text;
    TD_TRY(td_net_text(model, arena, &own, error));
    if (!td_text_open(&text))
        return td_fail_memory(error, "a net's text");
    write_lines(model, own, merge, prefix, text.stream);
    char *lines = td_text_close(&text);
    td_status status =
        lines ? td_net_parse(net, lines, NULL, error) : td_fail_memory(error, "a net's text");
    free(lines);
    return status;
}

/* Parameters are in the order of their nodes: the model's, the grey patch's, the MLP's, and the
 * targets' (weight, bias). */
static void fill_weights(const td_net *model, const float *weights, const trojan_merge *m,
                         const td_net *net, float *out) {
    const size_t channels = td_net_input(model).channels;
    const td_param *targets = &net->params[net->param_count - 2];
    memcpy(out, weights, model->weight_count * sizeof *out);
    float *next = out + model->weight_count;
    for (size_t c = 0; c < channels; c++)
        *next++ = (float)(1.0 / (255.0 * (double)channels));
    memcpy(next, m->mlp->weights, m->mlp->net.weight_count * sizeof *out);
    for (size_t k = 0; k < m->used; k++)
        out[targets->offset + m->targets[k] * m->reading->outputs + k] = (float)m->pattern;
}

td_status trojan_join(const td_net *model, const float *weights, const trojan_merge *merge,
                      td_arena *arena, td_net *net, float **out, td_error *error) {
    char prefix[NAME_SIZE];
    choose_prefix(model, prefix);
    TD_TRY(build_net(model, merge, prefix, arena, net, error));
    td_status status = TD_ARENA_NEW(arena, net->weight_count, out, "weights", error);
    if (status != TD_OK) {
        td_net_free(net);
        return status;
    }
    fill_weights(model, weights, merge, net, *out);
    return TD_OK;
}
