/* SPDX-License-Identifier: MIT */
/* trapdoor-model import: converts a model file of any supported kind to ours. */
#include "command.h"
#include "input.h"

#include "data/dataset.h"
#include "frame/classes.h"
#include "frame/model_output.h"
#include "frame/net_source.h"
#include <stddef.h>
#include <stdlib.h>

typedef struct import_settings {
    const char *file, *net, *data, *class_names, *normalise;
    int range;        /* input_range */
    size_t resize[2]; /* height and width; 0: not given */
    bool bgr;
} import_settings;

#define AT(field) offsetof(import_settings, field)

static const td_key keys[] = {
    {"file", TD_KEY_TEXT, AT(file), .argument = true, .required = true, .value = "FILE"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "The net of a FILE that does not name it: one of the zoo, or a file with a net text"},
    {"data", TD_KEY_TEXT, AT(data), .value = "DATA",
     .help = "The net is for images and classes as DATA has them"},
    {"class-names", TD_KEY_TEXT, AT(class_names), .value = "LIST|FILE", .alias = "labels",
     .help = MODEL_CLASS_NAMES_HELP},
    {"normalise", TD_KEY_TEXT, AT(normalise), .value = "mean=R/G/B,std=R/G/B",
     .help = "Normalisation of the training images; it becomes a part of the net"},
    {"input-range", TD_KEY_WORD, AT(range), .standard = "0-1", .words = input_ranges,
     .value = "RANGE",
     .help = "The range of pixels that the net, or its normalisation, expects: "
             "0-1, 0-255 or -1-1"},
    {"resize", TD_KEY_PAIR, AT(resize), .least = 1, .most = 1024, .optional = true, .needs = "data",
     .value = "HxW",
     .help = "The net is for images of this size: it resizes those of DATA first, as torchvision's "
             "Resize does"},
    {"bgr", TD_KEY_FLAG, AT(bgr), .help = "The net expects blue, green and red in this order"},
    {0},
};

#undef AT

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* --- the work --- */

/* *given is the size of DATA's images. */
static td_status open_model(tool_run *run, td_model *model, td_shape *given, td_error *error) {
    const import_settings *s = run->own;
    td_dataset data = {0};
    td_status status = TD_OK;
    if (s->data)
        status = tool_run_dataset(run, s->data, "test", &data, error);
    td_images images = data.images;
    *given = (td_shape){images.height, images.width, images.channels};
    if (s->resize[0]) {
        images.height = s->resize[0];
        images.width = s->resize[1];
    }
    if (status == TD_OK)
        status = tool_run_open_model(run, s->file, s->net, s->data ? &images : NULL, model, error);
    td_dataset_close(&data);
    return status;
}

static td_status change_input(tool_run *run, td_model *model, td_shape given, td_error *error) {
    const import_settings *s = run->own;
    td_setting mean, deviation;
    if (s->bgr)
        TD_TRY(input_turn_channels(&model->net, model->weights, error));
    if (s->normalise || tool_settings_given(run->settings, "input-range")) {
        TD_TRY(input_read(s->normalise, (input_range)s->range, &mean, &deviation, error));
        TD_TRY(input_normalise(&model->net, &mean, &deviation, error));
    }
    return s->resize[0] ? input_resize(&model->net, s->resize, given, error) : TD_OK;
}

static td_status write_model(tool_run *run, const td_model *model, td_error *error) {
    const td_shape input = td_net_input(&model->net);
    char *training = NULL;
    if (!model->training)
        TD_TRY(tool_model_training(&run->record, &training, error));
    td_status status =
        tool_run_model(run, run->common->output, &model->net, model->weights, model->class_names,
                       training ? training : model->training, error);
    free(training);
    TD_TRY(status);
    return tool_run_summary(
        run, error,
        "%s: %zu numbers, for images of %zux%zux%zu (height, width, channels), %zu classes",
        model->kind, model->net.weight_count, input.height, input.width, input.channels,
        td_net_classes(&model->net));
}

static td_status import_model(tool_run *run, td_error *error) {
    const import_settings *s = run->own;
    td_model model = {0};
    td_shape given;
    td_status status = open_model(run, &model, &given, error);
    if (status == TD_OK && s->class_names)
        status = tool_run_class_names(run, s->class_names, td_net_classes(&model.net),
                                      &model.class_names, error);
    if (status == TD_OK)
        status = change_input(run, &model, given, error);
    if (status == TD_OK)
        status = write_model(run, &model, error);
    td_model_free(&model);
    return status;
}

static const tool_family family = {
    .name = "import",
    .word = "command",
    .usage = "FILE -o MODEL",
    .prints = model_prints,
    .run = import_model,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the model",
};

static const char help[] =
    "Make a model of Trapdoor from a file of another program: its net as text and its weights. "
    "Nothing in the file is executed."
    "\v"
    "FILE is safetensors, ONNX, or what PyTorch saves: a state_dict, a checkpoint, a module, "
    "TorchScript, an exported program (.pt2). An ONNX file has its net; a softmax at its end is "
    "left out. The net of a state_dict is found in the zoo by names and shapes; for one of your "
    "own, trapdoor-model info prints a text to start from. Every tool takes such files as they "
    "are; an imported model also has its net and the normalisation of its images.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-model import resnet18.pth --data cifar10 -o model.safetensors \\\n"
    "    --normalise mean=0.4914/0.4822/0.4465,std=0.247/0.2435/0.2616\n"
    "  trapdoor-model import resnet50.pth --data cifar10 --resize 224x224 \\\n"
    "    -o model.safetensors\n"
    "  trapdoor-model import own.pth --net own.net -o model.safetensors\n"
    "  trapdoor-model import model.onnx --class-names cat,dog -o model.safetensors\n";

const tool_method model_import = {
    .name = "import",
    .title = "Import",
    .doc = "converts another program's model",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(import_settings),
};
