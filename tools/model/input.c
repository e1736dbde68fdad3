/* SPDX-License-Identifier: MIT */
#include "input.h"

#include "nn/op.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const input_ranges[] = {"0-1", "0-255", "-1-1", NULL};

/* --- numbers --- */

/* "R/G/B" up to a comma or the end. */
static bool read_numbers(const char **at, td_setting *out) {
    char *end;
    out->list.count = 0;
    do {
        const double value = strtod(*at, &end);
        if (end == *at || !isfinite(value) || out->list.count == TD_KEY_LIST_SIZE)
            return false;
        out->list.values[out->list.count++] = value;
        *at = end + (*end == '/');
    } while (*end == '/');
    return *end == '\0' || *end == ',';
}

static bool read_text(const char *text, td_setting *mean, td_setting *deviation) {
    if (strncmp(text, "mean=", 5) != 0)
        return false;
    text += 5;
    if (!read_numbers(&text, mean) || strncmp(text, ",std=", 5) != 0)
        return false;
    text += 5;
    if (!read_numbers(&text, deviation) || *text)
        return false;
    for (size_t i = 0; i < deviation->list.count; i++)
        if (deviation->list.values[i] <= 0)
            return false;
    return true;
}

td_status input_read(const char *text, input_range range, td_setting *mean, td_setting *deviation,
                     td_error *error) {
    static const double units[] = {[INPUT_UNIT] = 255, [INPUT_BYTES] = 1, [INPUT_SIGNED] = 127.5};
    const double shift = range == INPUT_SIGNED ? 127.5 : 0;
    *mean = (td_setting){.given = true, .list = {{0}, 1}};
    *deviation = (td_setting){.given = true, .list = {{1}, 1}};
    if (text && !read_text(text, mean, deviation))
        return td_fail(error, TD_ERR_USAGE,
                       "--normalise: expected mean=R/G/B,std=R/G/B, such as "
                       "mean=0.485/0.456/0.406,std=0.229/0.224/0.225, found \"%s\"",
                       text);
    for (size_t i = 0; i < mean->list.count; i++)
        mean->list.values[i] = mean->list.values[i] * units[range] + shift;
    for (size_t i = 0; i < deviation->list.count; i++)
        deviation->list.values[i] *= units[range];
    if (text && range == INPUT_UNIT)
        for (size_t i = 0; i < mean->list.count; i++)
            if (fabs(mean->list.values[i]) > 2 * units[range])
                return td_fail(error, TD_ERR_USAGE,
                               "--normalise: expected a mean of pixels from 0 to 1, found %g: "
                               "--input-range 0-255 says that it is of bytes",
                               mean->list.values[i] / units[range]);
    return TD_OK;
}

/* --- nodes --- */

static bool is_op(const td_node *node, const char *name) {
    return strcmp(node->op->name, name) == 0;
}

static size_t count_users(const td_net *net, size_t node) {
    size_t users = 0;
    for (size_t i = 0; i < net->node_count; i++)
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            users += net->nodes[i].inputs[k] == node;
    return users;
}

static bool has_name(const td_net *net, const char *name) {
    for (size_t i = 0; i < net->node_count; i++)
        if (strcmp(net->nodes[i].name, name) == 0)
            return true;
    return false;
}

/* A node to insert after the image. */
typedef struct addition {
    const char *op;
    char keys[512];        /* " out=8x8" */
    td_shape image;        /* the image size of the new net */
    bool instead_of_scale; /* replaces a scale if only that reads the image */
} addition;

static void add_list(addition *a, const char *name, const td_setting *list) {
    size_t end = strlen(a->keys);
    end += (size_t)snprintf(a->keys + end, sizeof a->keys - end, " %s=", name);
    for (size_t i = 0; i < list->list.count; i++)
        end += (size_t)snprintf(a->keys + end, sizeof a->keys - end, "%s%.9g", i ? "," : "",
                                list->list.values[i]);
}

/* The text of the net with the node inserted: it replaces the scale, or takes the image's name,
 * which is renamed. */
static void print_net(FILE *out, const td_net *net, const char *text, const addition *a) {
    const char *image = net->nodes[0].name;
    char name[80] = "pixels";
    const bool instead =
        a->instead_of_scale && is_op(&net->nodes[1], "scale") && count_users(net, 0) == 1;
    for (size_t end = strlen(name); has_name(net, name) && end < sizeof name - 1; end++)
        name[end] = '_'; /* the rest is zeroed */
    for (size_t i = 0; *text; i++) {
        const size_t length = strcspn(text, "\n") + 1;
        if (i == 0)
            fprintf(out, "%s = image() height=%zu width=%zu channels=%zu\n", instead ? image : name,
                    a->image.height, a->image.width, a->image.channels);
        if (i == instead)
            fprintf(out, "%s = %s(%s)%s\n", net->nodes[i].name, a->op, instead ? image : name,
                    a->keys);
        if (i > instead)
            fwrite(text, 1, length, out);
        text += length;
    }
}

static td_status put_behind_image(td_net *net, const addition *a, td_error *error) {
    td_arena arena = {0};
    td_net made;
    char *text, *changed = NULL;
    size_t size = 0;
    TD_TRY(td_net_text(net, &arena, &text, error));
    FILE *stream = open_memstream(&changed, &size);
    if (stream)
        print_net(stream, net, text, a);
    td_status status = stream && fclose(stream) == 0 ? td_net_parse(&made, changed, NULL, error)
                                                     : td_fail_memory(error, "a net's text");
    free(changed);
    td_arena_free(&arena);
    TD_TRY(status);
    td_net_free(net);
    *net = made;
    return TD_OK;
}

td_status input_normalise(td_net *net, const td_setting *mean, const td_setting *deviation,
                          td_error *error) {
    addition a = {.op = "normalise", .image = td_net_input(net), .instead_of_scale = true};
    for (size_t i = 0; i < net->node_count; i++)
        if (is_op(&net->nodes[i], "normalise"))
            return td_fail(error, TD_ERR_USAGE, "--normalise: the net has its own, node \"%s\"",
                           net->nodes[i].name);
    add_list(&a, "mean", mean);
    add_list(&a, "deviation", deviation);
    return put_behind_image(net, &a, error);
}

td_status input_resize(td_net *net, const size_t *to, td_shape from, td_error *error) {
    const td_shape own = td_net_input(net);
    addition a = {.op = "resize", .image = {from.height, from.width, own.channels}};
    if (to[0] != own.height || to[1] != own.width)
        return td_fail(error, TD_ERR_USAGE,
                       "--resize: expected the size that the net is for, %zux%zu, found %zux%zu",
                       own.height, own.width, to[0], to[1]);
    snprintf(a.keys, sizeof a.keys, " out=%zux%zu filter=bilinear-antialias", to[0], to[1]);
    return put_behind_image(net, &a, error);
}

/* --- channels --- */

/* Whether the node changes each channel alone, and all of them in the same way. */
static bool is_pixelwise(const td_node *node) {
    return is_op(node, "image") || is_op(node, "scale");
}

static void turn_conv(const td_param *param, float *weights) {
    const size_t channels = param->dims[1], plane = param->dims[2] * param->dims[3];
    float *w = weights + param->offset;
    for (size_t o = 0; o < param->dims[0]; o++, w += channels * plane)
        for (size_t c = 0; c < channels / 2; c++)
            for (size_t i = 0; i < plane; i++) {
                const float kept = w[c * plane + i];
                w[c * plane + i] = w[(channels - 1 - c) * plane + i];
                w[(channels - 1 - c) * plane + i] = kept;
            }
}

td_status input_turn_channels(const td_net *net, float *weights, td_error *error) {
    for (size_t i = 1; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        bool takes_image = false;
        for (size_t k = 0; k < node->input_count; k++)
            takes_image |= is_pixelwise(&net->nodes[node->inputs[k]]) &&
                           (node->inputs[k] == 0 || net->nodes[node->inputs[k]].inputs[0] == 0);
        if (!takes_image || is_pixelwise(node))
            continue;
        if (!is_op(node, "conv"))
            return td_fail(error, TD_ERR_USAGE,
                           "--bgr: expected the image to go to convolutions, found node \"%s\", %s",
                           node->name, node->op->name);
        turn_conv(&net->params[node->params[0]], weights);
    }
    return TD_OK;
}
