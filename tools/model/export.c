/* SPDX-License-Identifier: MIT */
/* trapdoor-model export: converts a model for other programs. */
#include "command.h"

#include "data/dataset.h"
#include "frame/net_source.h"
#include "model/export.h"
#include <stddef.h>
#include <string.h>

typedef struct export_settings {
    const char *file, *net, *data;
} export_settings;

#define AT(field) offsetof(export_settings, field)

static const td_key keys[] = {
    {"file", TD_KEY_TEXT, AT(file), .argument = true, .required = true, .value = "MODEL"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "The net of a file that does not name it"},
    {"data", TD_KEY_TEXT, AT(data), .value = "DATA",
     .help = "The net is for images and classes as DATA has them"},
    {0},
};

#undef AT

static const tool_keys groups[] = {{.keys = keys}, {0}};

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static td_status open_model(tool_run *run, td_model *model, td_error *error) {
    const export_settings *s = run->own;
    td_dataset data = {0};
    td_status status = TD_OK;
    if (s->data)
        status = tool_run_dataset(run, s->data, "test", &data, error);
    if (status == TD_OK)
        status =
            tool_run_open_model(run, s->file, s->net, s->data ? &data.images : NULL, model, error);
    td_dataset_close(&data);
    return status;
}

static td_status write_model(tool_run *run, const td_model *model, td_error *error) {
    const char *path = run->common->output;
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    td_status status =
        ends_with(path, ".onnx")
            ? td_export_onnx(stream, &model->net, model->weights, model->class_names, error)
            : td_export_state_dict(stream, &model->net, model->weights, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", path);
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

static td_status export_model(tool_run *run, td_error *error) {
    td_model model = {0};
    td_status status = open_model(run, &model, error);
    if (status == TD_OK)
        status = write_model(run, &model, error);
    const td_shape input = model.net.nodes ? td_net_input(&model.net) : (td_shape){0};
    if (status == TD_OK)
        status = tool_run_summary(
            run, error,
            ends_with(run->common->output, ".onnx")
                ? "ONNX of %zu nodes; its input is pixels 0-255, [N, %zu, %zu, %zu]: the net "
                  "normalises them itself"
                : "state_dict of a net of %zu nodes, for images [N, %zu, %zu, %zu]",
            model.net.node_count, input.channels, input.height, input.width);
    td_model_free(&model);
    return status;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const char *path = settings->common.output;
    (void)own;
    return !path || ends_with(path, ".onnx") || ends_with(path, ".safetensors")
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE,
                         "-o: expected a name that ends in .onnx or .safetensors, found \"%s\"",
                         path);
}

static const tool_family family = {
    .name = "export",
    .word = "command",
    .usage = "MODEL -o FILE.onnx\nMODEL -o FILE.safetensors",
    .prints = model_prints,
    .run = export_model,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write it",
};

static const char help[] =
    "Write a model for other programs: as ONNX, or its parameters as safetensors for PyTorch's "
    "load_state_dict."
    "\v"
    "The input of the ONNX file is raw pixels, 0-255, N×C×H×W; its output is the logits. A "
    "state_dict has no normalisation: bring pixels to the range that the net text shows.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-model export repaired.safetensors -o repaired.onnx\n"
    "  trapdoor-model export repaired.safetensors -o state_dict.safetensors\n";

const tool_method model_export = {
    .name = "export",
    .title = "Export",
    .doc = "a model for other programs: ONNX, or a state_dict",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(export_settings),
    .check = check,
};
