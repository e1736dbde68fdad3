/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include "base/size.h"
#include "data/classes.h"
#include "data/safetensors.h"
#include "model/floats.h"
#include "nn/op.h"
#include <stdlib.h>
#include <string.h>

static bool same_shape(const td_tensor *tensor, const td_param *param) {
    bool same = tensor->rank == param->rank;
    for (size_t i = 0; same && i < param->rank; i++)
        same = tensor->dims[i] == param->dims[i];
    return same;
}

static bool fits(const td_tensor *tensor, const td_param *param) {
    return td_dtype_is_float(tensor->dtype) && same_shape(tensor, param);
}

/* Whether the dimensions differ only in order: Keras and TensorFlow store dense weights in×out and
 * kernels HWIO, MLX stores kernels OHWI. */
static bool is_turned(const td_tensor *tensor, const td_param *param) {
    bool used[TD_PARAM_RANK] = {false};
    size_t found = 0;
    for (size_t i = 0; tensor->rank == param->rank && i < param->rank; i++)
        for (size_t k = 0; k < param->rank; k++)
            if (!used[k] && param->dims[k] == tensor->dims[i]) {
                used[k] = true;
                found++;
                break;
            }
    return param->rank > 1 && found == param->rank;
}

static td_status check_tensor(const td_source *file, const td_param *param, td_error *error) {
    const td_tensor *tensor = td_source_find(file, param->name);
    char expected[96], found[192];
    if (!tensor)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"%s\": the net needs it, the file has none of this name",
                       param->name);
    if (fits(tensor, param))
        return TD_OK;
    if (same_shape(tensor, param))
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"%s\": its type differs from the net's: expected F32, F64, F16 or "
                       "BF16, found %s",
                       param->name, td_dtype_name(tensor->dtype));
    return td_fail(error, TD_ERR_FORMAT,
                   "tensor \"%s\": its shape differs from the net's: expected %s, found %s%s",
                   param->name, td_shape_text(param->dims, param->rank, expected, sizeof expected),
                   td_shape_text(tensor->dims, tensor->rank, found, sizeof found),
                   is_turned(tensor, param) ? ": another program's order of dimensions, to be "
                                              "permuted to PyTorch's"
                                            : "");
}

static bool has_param(const td_net *net, const char *name) {
    for (size_t i = 0; i < net->param_count; i++)
        if (strcmp(net->params[i].name, name) == 0)
            return true;
    return false;
}

/* Whether it is a counter of PyTorch's batch norms, which matters only if statistics are averaged
 * with equal weights: NODE.num_batches_tracked, beside NODE.running_mean. */
static bool is_batch_counter(const td_net *net, const td_tensor *tensor) {
    static const char counter[] = "num_batches_tracked";
    const char *dot = strrchr(tensor->name, '.');
    if ((tensor->dtype != TD_I64 && tensor->dtype != TD_I32) || tensor->count != 1 || !dot ||
        strcmp(dot + 1, counter) != 0)
        return false;
    size_t stem = (size_t)(dot + 1 - tensor->name);
    for (size_t i = 0; i < net->param_count; i++) {
        const char *name = net->params[i].name;
        if (strncmp(name, tensor->name, stem) == 0 && strcmp(name + stem, "running_mean") == 0)
            return true;
    }
    return false;
}

static bool is_known(const td_net *net, const td_tensor *tensor) {
    return has_param(net, tensor->name) || is_batch_counter(net, tensor);
}

static td_status note_others(const td_model *model, td_source *file, td_error *error) {
    for (size_t i = 0; i < file->tensor_count; i++)
        if (!is_known(&model->net, &file->tensors[i]))
            TD_TRY(td_source_note(file, error,
                                  "tensor \"%s\" is no parameter of the net, and left out",
                                  file->tensors[i].name));
    return TD_OK;
}

/* Notes once a type other than F32 among the net's weights. */
static td_status note_types(td_model *model, td_source *file, td_error *error) {
    static const td_dtype others[] = {TD_F64, TD_F16, TD_BF16};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        for (size_t i = 0; i < model->net.param_count; i++)
            if (td_source_find(file, model->net.params[i].name)->dtype == others[k]) {
                TD_TRY(td_source_note(file, error, "weights in %s, read as F32",
                                      td_dtype_name(others[k])));
                break;
            }
    return TD_OK;
}

td_status td_model_check(const td_source *file, const td_net *net, td_error *error) {
    for (size_t i = 0; !file->mixed && i < file->tensor_count; i++)
        if (!is_known(net, &file->tensors[i]))
            return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": the net has no such parameter",
                           file->tensors[i].name);
    for (size_t i = 0; i < net->param_count; i++)
        TD_TRY(check_tensor(file, &net->params[i], error));
    return TD_OK;
}

static td_status copy_text(td_model *model, const char *text, const char **out, td_error *error) {
    char *copy;
    if (!text)
        return TD_OK;
    TD_TRY(td_arena_text(&model->arena, text, strlen(text), &copy, error));
    *out = copy;
    return TD_OK;
}

static td_status read_class_names(td_model *model, const td_source *file, td_error *error) {
    const size_t classes = td_net_classes(&model->net);
    size_t count;
    if (!file->classes)
        return TD_OK;
    td_status status = td_class_names_read(file->classes, classes, classes, &model->arena,
                                           &model->class_names, &count, error);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "metadata: %s", TD_MODEL_CLASSES_KEY);
}

/* Converts in pieces, so that only one is in memory besides the weights. */
static td_status read_tensor(const td_source *file, const td_tensor *tensor, float *out,
                             td_error *error) {
    enum { PIECE = 1 << 22 };
    const size_t step = tensor->strides ? tensor->count : PIECE;
    const size_t size = td_dtype_size(tensor->dtype);
    for (size_t at = 0; at < tensor->count; at += step) {
        td_tensor piece = *tensor;
        piece.count = td_size_min(step, tensor->count - at);
        piece.data = (const uint8_t *)tensor->data + at * size;
        piece.bytes = tensor->strides ? tensor->bytes : piece.count * size;
        if (td_tensor_floats(&piece, out + at, error) != TD_OK)
            return td_tensor_floats(tensor, out, error); /* with its place in the whole */
        td_source_release(file, &piece);
    }
    return TD_OK;
}

static td_status read_weights(td_model *model, td_source *file, td_error *error) {
    /* A net text may claim more than the file holds, so tensors are checked before the allocation.
     */
    TD_TRY(td_model_check(file, &model->net, error));
    TD_TRY(TD_ARENA_NEW(&model->arena, model->net.weight_count, &model->weights, "weights", error));
    for (size_t i = 0; i < model->net.param_count; i++)
        TD_TRY(read_tensor(file, td_source_find(file, model->net.params[i].name),
                           model->weights + model->net.params[i].offset, error));
    TD_TRY(note_types(model, file, error));
    TD_TRY(note_others(model, file, error));
    for (; model->note_count < file->note_count; model->note_count++)
        TD_TRY(copy_text(model, file->notes[model->note_count], &model->notes[model->note_count],
                         error));
    model->kind = file->kind;
    TD_TRY(copy_text(model, file->beside, &model->beside, error));
    TD_TRY(read_class_names(model, file, error));
    return copy_text(model, file->training, &model->training, error);
}

/* The file's net, or the net of the zoo that has the same tensors. */
static td_status read_net(td_model *model, td_source *file, const td_net_variables *images,
                          td_error *error) {
    const char *name;
    if (file->net)
        return td_net_parse(&model->net, file->net, NULL, error);
    TD_TRY(td_model_find_net(file, images, &model->net, &name, error));
    return td_source_note(file, error, "read as the zoo's %s, whose tensors it has", name);
}

/* Whether the images may have been normalised in training without a trace in the file or net. */
static bool is_bare(const td_net *net, const td_source *file) {
    for (size_t i = 0; i < net->node_count; i++)
        if ((file->net && !file->foreign) || strcmp(net->nodes[i].op->name, "normalise") == 0)
            return false;
    return true;
}

/* Reads a model whose net is given (`net_in_place`), or is in the file or the zoo. */
static td_status load(td_model *model, bool net_in_place, const char *path,
                      const td_net_variables *images, td_error *error) {
    td_source file;
    td_status status = td_source_open_for(&file, path, images, error);
    if (status == TD_OK) {
        if (!net_in_place)
            status = read_net(model, &file, images, error);
        if (status == TD_OK)
            status = read_weights(model, &file, error);
        model->bare = is_bare(&model->net, &file);
        if (status != TD_OK)
            td_fail_within(error, status, "%s", path);
        td_source_close(&file);
    }
    if (status != TD_OK)
        td_model_free(model);
    return status;
}

td_status td_model_load(td_model *model, const char *path, const td_net_variables *images,
                        td_error *error) {
    *model = (td_model){0};
    return load(model, false, path, images, error);
}

td_status td_model_load_for(td_model *model, td_net *net, const char *path, td_error *error) {
    *model = (td_model){.net = *net};
    *net = (td_net){0};
    return load(model, true, path, NULL, error);
}

static td_status adopt(const td_net *net, const td_source *file, float *weights, bool *taken,
                       td_error *error) {
    size_t count = 0;
    for (size_t i = 0; i < net->param_count; i++) {
        const td_tensor *tensor = td_source_find(file, net->params[i].name);
        taken[i] = tensor && fits(tensor, &net->params[i]);
        if (!taken[i])
            continue;
        TD_TRY(td_tensor_floats(tensor, weights + net->params[i].offset, error));
        count++;
    }
    if (count > 0)
        return TD_OK;
    return td_fail(
        error, TD_ERR_FORMAT,
        "expected at least one tensor with the name and shape of a parameter of the net, "
        "such as \"%s\", found none",
        net->param_count ? net->params[0].name : "none");
}

td_status td_model_adopt(const td_net *net, float *weights, const char *path, bool *taken,
                         td_error *error) {
    td_source file;
    TD_TRY(td_source_open(&file, path, error));
    td_status status = adopt(net, &file, weights, taken, error);
    td_source_close(&file);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

void td_model_free(td_model *model) {
    td_net_free(&model->net);
    td_arena_free(&model->arena);
    *model = (td_model){0};
}

td_status td_model_write(FILE *stream, const td_net *net, const float *weights,
                         const char *const *class_names, const char *training, td_error *error) {
    td_arena arena = {0};
    td_tensor *tensors;
    char *text, *names = NULL;
    td_status status = TD_ARENA_NEW(&arena, net->param_count, &tensors, "a model", error);
    if (status == TD_OK)
        status = td_net_text(net, &arena, &text, error);
    if (status == TD_OK)
        status = td_class_names_write(class_names, td_net_classes(net), &names, error);
    if (status == TD_OK) {
        for (size_t i = 0; i < net->param_count; i++) {
            const td_param *param = &net->params[i];
            tensors[i] = (td_tensor){.name = param->name,
                                     .dtype = TD_F32,
                                     .rank = param->rank,
                                     .data = weights + param->offset};
            memcpy(tensors[i].dims, param->dims, param->rank * sizeof *param->dims);
        }
        td_metadata metadata[4] = {{"format", "pt"}, {TD_MODEL_NET_KEY, text}};
        size_t count = 2;
        if (training)
            metadata[count++] = (td_metadata){TD_MODEL_TRAINING_KEY, training};
        if (names && strlen(names) <= TD_SAFETENSORS_HEADER / 2)
            metadata[count++] = (td_metadata){TD_MODEL_CLASSES_KEY, names};
        status = td_safetensors_write(stream, tensors, net->param_count, metadata, count, error);
    }
    free(names);
    td_arena_free(&arena);
    return status;
}
