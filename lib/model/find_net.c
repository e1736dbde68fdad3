/* SPDX-License-Identifier: MIT */
/* Finds the net for a set of tensors: one of the zoo, or a draft of its text. */
#include "base/size.h"
#include "model/model.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Image sides to try, in order, if the user names none. */
static const size_t sides[] = {32, 28, 224, 64, 16, 48, 96, 128};

/* --- the zoo --- */

/* How closely a net matches the tensors. */
typedef struct nearest {
    const char *name;
    size_t same; /* parameters that the file has */
    td_error why;
} nearest;

/* The size of one dimension of a parameter's tensor; 0 if there is none. */
static size_t file_dim(const td_source *source, const td_param *param, size_t dim) {
    const td_tensor *tensor = td_source_find(source, param->name);
    return tensor && tensor->rank > dim ? tensor->dims[dim] : 0;
}

/* Channels and classes follow from the first and the last weights. */
static bool fill_variables(const td_source *source, const char *text, td_net_variables *v) {
    td_net net;
    v->channels = 3;
    v->classes = 2;
    if (td_net_parse(&net, text, v, NULL) != TD_OK)
        return false;
    const td_node *last = &net.nodes[net.node_count - 1];
    while (last > net.nodes && last->param_count == 0)
        last--;
    const bool known = last > net.nodes;
    if (known) {
        v->channels = file_dim(source, &net.params[0], 1);
        v->classes = file_dim(source, &net.params[last->params[0]], 0);
    }
    td_net_free(&net);
    return known && v->channels > 0 && v->classes > 0;
}

static size_t count_same(const td_source *source, const td_net *net) {
    size_t same = 0;
    for (size_t i = 0; i < net->param_count; i++) {
        const td_tensor *tensor = td_source_find(source, net->params[i].name);
        same += tensor && tensor->count == net->params[i].count;
    }
    return same;
}

/* Whether the net of that text, for such images, has the file's tensors; if so it is in *net. */
static bool try_net(const td_source *source, const char *name, td_net_variables v, td_net *net,
                    nearest *best) {
    const char *text = td_zoo_text(name);
    td_error why;
    if (!fill_variables(source, text, &v) || td_net_parse(net, text, &v, NULL) != TD_OK)
        return false;
    if (td_model_check(source, net, &why) == TD_OK)
        return true;
    const size_t same = count_same(source, net);
    if (same > best->same && 2 * same > net->param_count)
        *best = (nearest){name, same, why};
    td_net_free(net);
    return false;
}

static td_status no_net(const td_source *source, const nearest *best, td_error *error) {
    if (source->advice)
        return td_fail(error, TD_ERR_USAGE, "%s: %s", source->kind, source->advice);
    if (best->name)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: it does not name its net: give it with --net; the zoo's %s is nearest, "
                       "but: %s",
                       source->kind, best->name, best->why.message);
    return td_fail(error, TD_ERR_USAGE,
                   "%s: it does not name its net, and the zoo has none with its tensors: give it "
                   "with --net",
                   source->kind);
}

td_status td_model_find_net(const td_source *source, const td_net_variables *images, td_net *net,
                            const char **name, td_error *error) {
    nearest best = {NULL, 0, {""}};
    if (source->refusal)
        return td_fail(error, TD_ERR_FORMAT, "%s", source->refusal);
    const size_t count = images ? 1 : sizeof sides / sizeof *sides;
    for (size_t i = 0; i < count; i++) {
        const td_net_variables v = {images ? images->height : sides[i],
                                    images ? images->width : sides[i], 0, 0};
        for (size_t k = 0; td_zoo_names[k]; k++)
            if (try_net(source, td_zoo_names[k], v, net, &best)) {
                *name = td_zoo_names[k];
                return TD_OK;
            }
    }
    return no_net(source, &best, error);
}

/* --- a draft text --- */

/* A layer: the tensors STEM.weight, STEM.bias and so on. */
typedef struct layer {
    const td_source *source;
    const char *name; /* its first tensor's */
    size_t stem;      /* bytes of the name before its last dot */
} layer;

static const td_tensor *part(const layer *l, const char *suffix) {
    char name[1024];
    snprintf(name, sizeof name, "%.*s.%s", (int)l->stem, l->name, suffix);
    return td_source_find(l->source, name);
}

static bool is_node_name(const char *name, size_t length) {
    bool good = length > 0 && length <= 64;
    for (size_t i = 0; good && i < length; i++)
        good = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
    return good;
}

static void print_conv(FILE *out, const td_tensor *weight, bool bias) {
    fprintf(out, " out=%zu kernel=%zux%zu pad=%zux%zu%s", weight->dims[0], weight->dims[2],
            weight->dims[3], weight->dims[2] / 2, weight->dims[3] / 2, bias ? "" : " bias=0");
}

/* Prints a layer as a node after `before`; returns whether its kind is known. */
static bool print_layer(FILE *out, const layer *l, const char *before, bool *flat) {
    const td_tensor *weight = part(l, "weight"), *bias = part(l, "bias");
    const int stem = (int)l->stem;
    char shape[192];
    if (!is_node_name(l->name, l->stem) || !weight)
        return false;
    if (weight->rank == 4) {
        fprintf(out, "%.*s = conv(%s)", stem, l->name, before);
        print_conv(out, weight, bias);
    } else if (weight->rank == 2) {
        if (!*flat)
            fprintf(out, "flat = flatten(%s)\n", before);
        fprintf(out, "%.*s = dense(%s) out=%zu", stem, l->name, *flat ? before : "flat",
                weight->dims[0]);
        *flat = true;
    } else if (weight->rank == 1 && part(l, "running_mean")) {
        fprintf(out, "%.*s = batch-norm(%s)", stem, l->name, before);
    } else {
        return false;
    }
    fprintf(out, "  # weight %s\n", td_shape_text(weight->dims, weight->rank, shape, sizeof shape));
    return true;
}

static bool same_layer(const layer *l, const char *name) {
    return strncmp(l->name, name, l->stem) == 0 && name[l->stem] == '.' &&
           !strchr(name + l->stem + 1, '.');
}

static void print_skeleton(FILE *out, const td_source *source) {
    char before[72] = "scale", shape[192];
    layer l = {.source = source, .name = ""};
    bool flat = false;
    fputs(
        "# A net text to start from: the layers in the file's order, each after the one before.\n"
        "# Missing are relu, max-pool, add and the like, stride, pad and skips: put them in, and\n"
        "# what the images were normalised with, as in training.\n"
        "input = image() height=height width=width channels=channels\n"
        "scale = scale(input) by=1/255\n",
        out);
    for (size_t i = 0; i < source->tensor_count; i++) {
        const td_tensor *tensor = &source->tensors[i];
        const char *dot = strrchr(tensor->name, '.');
        if (l.stem > 0 && same_layer(&l, tensor->name))
            continue;
        l.name = tensor->name;
        l.stem = dot ? (size_t)(dot - tensor->name) : 0;
        const td_tensor *weight = part(&l, "weight");
        if (weight && weight < tensor) /* buffers may follow all weights */
            continue;
        if (print_layer(out, &l, before, &flat))
            snprintf(before, sizeof before, "%.*s", (int)l.stem, l.name);
        else
            fprintf(out, "# %s %s\n", tensor->name,
                    td_shape_text(tensor->dims, tensor->rank, shape, sizeof shape));
    }
}

td_status td_model_skeleton(const td_source *source, td_arena *arena, char **text,
                            td_error *error) {
    char *made = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&made, &size);
    if (!stream)
        return td_fail_memory(error, "a net text");
    print_skeleton(stream, source);
    td_status status = fclose(stream) == 0 ? td_arena_text(arena, made, size, text, error)
                                           : td_fail_memory(error, "a net text");
    free(made);
    return status;
}
