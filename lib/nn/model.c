#include "nn/model.h"

#include "data/classes.h"
#include "data/safetensors.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char net_key[] = "trapdoor.net", training_key[] = "trapdoor.training",
                  classes_key[] = "trapdoor.classes";

static bool fits(const td_tensor *tensor, const td_param *param) {
    bool same = tensor->dtype == TD_F32 && tensor->rank == param->rank;
    for (size_t i = 0; same && i < param->rank; i++)
        same = tensor->dims[i] == param->dims[i];
    return same;
}

static td_status check_tensor(const td_safetensors *file, const td_param *param, td_error *error) {
    const td_tensor *tensor = td_safetensors_find(file, param->name);
    if (!tensor)
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"%s\": the net needs it, the file has none of this name",
                       param->name);
    if (fits(tensor, param))
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "tensor \"%s\": its shape or type differs from the net's: expected F32 of %zu "
                   "values in %zu dimensions, found %s of %zu values in %zu",
                   param->name, param->count, param->rank, td_dtype_name(tensor->dtype),
                   tensor->count, tensor->rank);
}

static td_status read_param(const td_safetensors *file, const td_param *param, float *weights,
                            td_error *error) {
    float *w = weights + param->offset;
    memcpy(w, td_safetensors_find(file, param->name)->data, param->count * sizeof *w);
    for (size_t i = 0; i < param->count; i++)
        if (!isfinite(w[i]))
            return td_fail(error, TD_ERR_FORMAT,
                           "tensor \"%s\": value %zu: expected a finite number, found %g",
                           param->name, i, (double)w[i]);
    return TD_OK;
}

static bool has_param(const td_net *net, const char *name) {
    for (size_t i = 0; i < net->param_count; i++)
        if (strcmp(net->params[i].name, name) == 0)
            return true;
    return false;
}

/* Whether it is what PyTorch's batch norms keep beside the statistics, and only use where these
 * are averaged with equal weights: NODE.num_batches_tracked, beside NODE.running_mean. */
static bool is_batch_counter(const td_net *net, const td_tensor *tensor) {
    static const char counter[] = "num_batches_tracked";
    const char *dot = strrchr(tensor->name, '.');
    if (tensor->dtype != TD_I64 || tensor->count != 1 || !dot || strcmp(dot + 1, counter) != 0)
        return false;
    size_t stem = (size_t)(dot + 1 - tensor->name);
    for (size_t i = 0; i < net->param_count; i++) {
        const char *name = net->params[i].name;
        if (strncmp(name, tensor->name, stem) == 0 && strcmp(name + stem, "running_mean") == 0)
            return true;
    }
    return false;
}

static td_status read_weights(td_model *model, const td_safetensors *file, td_error *error) {
    for (size_t i = 0; i < file->tensor_count; i++)
        if (!has_param(&model->net, file->tensors[i].name) &&
            !is_batch_counter(&model->net, &file->tensors[i]))
            return td_fail(error, TD_ERR_FORMAT, "tensor \"%s\": the net has no such parameter",
                           file->tensors[i].name);
    /* A net text may claim more than the file holds, so the tensors come before the allocation. */
    for (size_t i = 0; i < model->net.param_count; i++)
        TD_TRY(check_tensor(file, &model->net.params[i], error));
    TD_TRY(TD_ARENA_NEW(&model->arena, model->net.weight_count, &model->weights, "weights", error));
    for (size_t i = 0; i < model->net.param_count; i++)
        TD_TRY(read_param(file, &model->net.params[i], model->weights, error));
    const char *training = td_safetensors_metadata(file, training_key);
    if (training) {
        char *copy;
        TD_TRY(td_arena_text(&model->arena, training, strlen(training), &copy, error));
        model->training = copy;
    }
    return TD_OK;
}

static td_status read_class_names(td_model *model, const td_safetensors *file, td_error *error) {
    const char *text = td_safetensors_metadata(file, classes_key);
    const size_t classes = td_net_classes(&model->net);
    size_t count;
    if (!text)
        return TD_OK;
    td_status status = td_class_names_read(text, classes, classes, &model->arena,
                                           &model->class_names, &count, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "metadata: %s", classes_key);
}

static td_status read_net(td_model *model, const td_safetensors *file, td_error *error) {
    const char *text = td_safetensors_metadata(file, net_key);
    if (!text)
        return td_fail(
            error, TD_ERR_FORMAT,
            "metadata: expected the net's text under \"%s\", found none: not a model file",
            net_key);
    return td_net_parse(&model->net, text, NULL, error);
}

/* Reads a model whose net is in place, or, with `net_in_file`, in the file. */
static td_status load(td_model *model, bool net_in_file, const char *path, td_error *error) {
    td_safetensors file;
    td_status status = td_safetensors_open(&file, path, error);
    if (status == TD_OK) {
        if (net_in_file)
            status = read_net(model, &file, error);
        if (status == TD_OK)
            status = read_weights(model, &file, error);
        if (status == TD_OK)
            status = read_class_names(model, &file, error);
        if (status != TD_OK)
            td_fail_within(error, status, "%s", path);
        td_safetensors_close(&file);
    }
    if (status != TD_OK)
        td_model_free(model);
    return status;
}

td_status td_model_load(td_model *model, const char *path, td_error *error) {
    *model = (td_model){0};
    return load(model, true, path, error);
}

td_status td_model_load_for(td_model *model, td_net *net, const char *path, td_error *error) {
    *model = (td_model){.net = *net};
    *net = (td_net){0};
    return load(model, false, path, error);
}

static td_status adopt(const td_net *net, const td_safetensors *file, float *weights, bool *taken,
                       td_error *error) {
    size_t count = 0;
    for (size_t i = 0; i < net->param_count; i++) {
        const td_tensor *tensor = td_safetensors_find(file, net->params[i].name);
        taken[i] = tensor && fits(tensor, &net->params[i]);
        if (!taken[i])
            continue;
        TD_TRY(read_param(file, &net->params[i], weights, error));
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
    td_safetensors file;
    TD_TRY(td_safetensors_open(&file, path, error));
    td_status status = adopt(net, &file, weights, taken, error);
    td_safetensors_close(&file);
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
        td_metadata metadata[4] = {{"format", "pt"}, {net_key, text}};
        size_t count = 2;
        if (training)
            metadata[count++] = (td_metadata){training_key, training};
        if (names && strlen(names) <= TD_SAFETENSORS_HEADER / 2)
            metadata[count++] = (td_metadata){classes_key, names};
        status = td_safetensors_write(stream, tensors, net->param_count, metadata, count, error);
    }
    free(names);
    td_arena_free(&arena);
    return status;
}
