/* SPDX-License-Identifier: MIT */
/* trapdoor-model info: the contents of model files. */
#include "command.h"
#include "normalisations.h"

#include "model/model.h"
#include "nn/op.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct info_settings {
    const char *file;
    normalisation_settings trial;
} info_settings;

#define AT(field) offsetof(info_settings, field)

static const td_key keys[] = {
    {"file", TD_KEY_TEXT, AT(file), .argument = true, .required = true, .value = "FILE"},
    {"data", TD_KEY_TEXT, AT(trial.data), .value = "DATA",
     .help = "Try the usual normalisations on up to 1,000 of these images (split test), and print "
             "each one's accuracy"},
    {"net", TD_KEY_TEXT, AT(trial.net), .value = "NET", .needs = "data",
     .help = "The net of a file that does not name it"},
    {"class-names", TD_KEY_TEXT, AT(trial.class_names), .value = "LIST|FILE", .alias = "labels",
     .needs = "data", .help = MODEL_CLASS_NAMES_HELP},
    {0},
};

#undef AT

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* --- tables --- */

typedef struct model_row {
    const char *file, *kind, *net; /* origin of the net */
    size_t tensors, numbers, parameters, multiply_adds, classes;
    const char *input;
} model_row;

#define AT(field) offsetof(model_row, field)

static const tool_column model_columns[] = {
    {"file", "file", TOOL_TEXT, AT(file)},
    {"kind", "kind", TOOL_TEXT, AT(kind)},
    {"tensors", "tensors", TOOL_COUNT, AT(tensors)},
    {"numbers", "numbers", TOOL_COUNT, AT(numbers)},
    {"net_from", "net", TOOL_TEXT, AT(net)},
    {"input", "input", TOOL_TEXT, AT(input)},
    {"classes", "classes", TOOL_COUNT, AT(classes)},
    {"parameters", "learnt numbers", TOOL_COUNT, AT(parameters)},
    {"multiply_adds", "multiply-adds an image", TOOL_COUNT, AT(multiply_adds)},
    {0},
};

#undef AT

static const tool_table_kind model_table = {.name = "model",
                                            .title = "Model",
                                            .columns = model_columns,
                                            .row = sizeof(model_row),
                                            .single = true};

typedef struct tensor_row {
    const char *name, *shape, *type;
} tensor_row;

static const tool_column tensor_columns[] = {
    {"name", "tensor", TOOL_TEXT, offsetof(tensor_row, name)},
    {"shape", "shape", TOOL_TEXT, offsetof(tensor_row, shape), .right = true},
    {"type", "type", TOOL_TEXT, offsetof(tensor_row, type)},
    {0},
};

static const tool_table_kind tensor_table = {
    .name = "tensors", .title = "Tensors", .columns = tensor_columns, .row = sizeof(tensor_row)};

static td_status add_tensors(tool_run *run, const td_source *source, td_error *error) {
    tool_table *table;
    char shape[192];
    TD_TRY(tool_run_open(run, &tensor_table, NULL, &table, error));
    for (size_t i = 0; i < source->tensor_count; i++) {
        const td_tensor *tensor = &source->tensors[i];
        const tensor_row row = {tensor->name,
                                td_shape_text(tensor->dims, tensor->rank, shape, sizeof shape),
                                td_dtype_name(tensor->dtype)};
        TD_TRY(tool_run_fill(run, table, &row, error));
    }
    return TD_OK;
}

/* --- the net --- */

/* Multiplications of weights with values of one image, over all layers. */
static size_t multiply_adds(const td_net *net) {
    size_t sum = 0;
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        if (!node->op->takes_fold && node->op->channels != TD_CHANNELS_NEW)
            continue;
        const size_t places = node->op->dense ? 1 : node->shape.height * node->shape.width;
        sum += net->params[node->params[0]].count * places;
    }
    return sum;
}

static td_status describe_net(tool_run *run, const td_net *net, model_row *row, td_error *error) {
    const td_shape input = td_net_input(net);
    char *text;
    for (size_t i = 0; i < net->param_count; i++)
        row->parameters += net->params[i].role == TD_TRAINED ? net->params[i].count : 0;
    row->multiply_adds = multiply_adds(net);
    row->classes = td_net_classes(net);
    TD_TRY(tool_run_text(run, &row->input, error, "%zux%zux%zu", input.height, input.width,
                         input.channels));
    TD_TRY(td_net_text(net, &run->arena, &text, error));
    tool_run_set(run, "net", "s", text);
    return TD_OK;
}

/* The file's net, or the matching net of the zoo; otherwise a draft text, and the reason. */
static td_status find_net(tool_run *run, const td_source *source, model_row *row, td_error *error) {
    td_net net = {0};
    const char *name;
    char *text;
    td_status status;
    if (source->net) {
        row->net = "in the file";
        status = td_net_parse(&net, source->net, NULL, error);
    } else if (source->refusal) {
        tool_run_set(run, "refusal", "s", source->refusal);
        row->net = "in the file, and refused";
        return TD_OK;
    } else {
        status = td_model_find_net(source, NULL, &net, &name, error);
        if (status == TD_ERR_USAGE) {
            tool_run_note(run, "note: %s", error->message);
            row->net = "none: the text is to start from";
            TD_TRY(td_model_skeleton(source, &run->arena, &text, error));
            tool_run_set(run, "skeleton", "s", text);
            return TD_OK;
        }
        if (status == TD_OK)
            TD_TRY(tool_run_text(run, &row->net, error, "the zoo's %s", name));
    }
    if (status == TD_OK)
        status = describe_net(run, &net, row, error);
    td_net_free(&net);
    return status;
}

static td_status describe(tool_run *run, const td_source *source, td_error *error) {
    model_row row = {.file = source->path,
                     .kind = source->kind,
                     .tensors = source->tensor_count,
                     .parameters = 0,
                     .multiply_adds = 0,
                     .classes = 0};
    for (size_t i = 0; i < source->tensor_count; i++)
        row.numbers += source->tensors[i].count;
    for (size_t i = 0; i < source->note_count; i++)
        tool_run_note(run, "note: %s: %s", source->path, source->notes[i]);
    TD_TRY(find_net(run, source, &row, error));
    if (!row.input)
        row.parameters = row.multiply_adds = row.classes = TOOL_NO_COUNT;
    TD_TRY(tool_run_rows(run, &model_table, NULL, &row, 1, error));
    return add_tensors(run, source, error);
}

static td_status inform(tool_run *run, td_error *error) {
    const info_settings *s = run->own;
    const char *best = "";
    td_source source;
    TD_TRY(td_source_open(&source, s->file, error));
    td_status status = tool_record_input(&run->record, s->file, error);
    tool_record_kind(&run->record, s->file, source.kind);
    if (status == TD_OK && (status = describe(run, &source, error)) != TD_OK)
        td_fail_within(error, status, "%s", s->file);
    td_source_close(&source);
    TD_TRY(status);
    if (s->trial.data)
        TD_TRY(normalisations_try(run, s->file, &s->trial, &best, error));
    static const char *const said[] = {"net", "skeleton", "refusal"};
    const json_t *text = NULL;
    TD_TRY(tool_record_check(&run->record, error)); /* then it has one of them */
    for (size_t i = 0; !text && i < sizeof said / sizeof *said; i++)
        text = json_object_get(run->record.root, said[i]);
    return tool_run_summary(run, error, "%s%s", json_string_value(text), best);
}

static const tool_family family = {
    .name = "info",
    .word = "command",
    .usage = "FILE",
    .prints = model_prints,
    .run = inform,
};

static const char help[] =
    "Print what is in a model file: its kind, net, tensors, parameters and multiply-adds. Nothing "
    "in the file is executed."
    "\v"
    "FILE is safetensors, ONNX, or what PyTorch saves: a state_dict, a checkpoint, a module, "
    "TorchScript, an exported program (.pt2). If it does not name its net and the zoo has none "
    "with its tensors, a net text to start from is printed, with a line for each layer. No such "
    "file says how its images were normalised in training: --data finds out by trial.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-model info model.pth\n"
    "  trapdoor-model info model.onnx --data cifar10:test\n"
    "  trapdoor-model info model.safetensors --json -\n";

const tool_method model_info = {
    .name = "info",
    .title = "Info",
    .doc = "kind, net, tensors and parameters of a model file",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(info_settings),
};
