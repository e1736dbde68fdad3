/* SPDX-License-Identifier: MIT */
/* Finding the net for tensors without one. */
#include "model/model.h"
#include "net_support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes only a net's parameters: a state_dict. `change` may corrupt one. */
static void write_weights(const td_net *net, void (*change)(td_tensor *tensors)) {
    td_tensor *tensors = calloc(net->param_count, sizeof *tensors);
    float *weights = calloc(net->weight_count, sizeof *weights);
    FILE *file = fopen("w.safetensors", "wb");
    assert_true(tensors && weights && file);
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        tensors[i] = (td_tensor){.name = param->name,
                                 .dtype = TD_F32,
                                 .rank = param->rank,
                                 .data = weights + param->offset};
        memcpy(tensors[i].dims, param->dims, param->rank * sizeof *param->dims);
    }
    if (change)
        change(tensors);
    assert_int_equal(td_safetensors_write(file, tensors, net->param_count, NULL, 0, NULL), TD_OK);
    assert_int_equal(fclose(file), 0);
    free(weights);
    free(tensors);
}

static void write_zoo(const char *name, td_net_variables v, void (*change)(td_tensor *tensors)) {
    td_net net;
    net_parsed(&net, td_zoo_text(name), &v);
    write_weights(&net, change);
    td_net_free(&net);
}

static void assert_found(const char *name, td_net_variables v, const td_net_variables *images) {
    td_model model;
    td_error error;
    write_zoo(name, v, NULL);
    if (td_model_load(&model, "w.safetensors", images, &error) != TD_OK)
        fail_msg("%s", error.message);
    const td_shape input = td_net_input(&model.net);
    assert_int_equal(input.height, v.height);
    assert_int_equal(input.width, v.width);
    assert_int_equal(input.channels, v.channels);
    assert_int_equal(td_net_classes(&model.net), v.classes);
    assert_int_equal(model.note_count, 1);
    support_assert_contains(model.notes[0], name);
    td_model_free(&model);
}

/* Channels and classes come from the file, the size from the images or the weights. */
static void nets_of_the_zoo(void **state) {
    const td_net_variables images = {28, 28, 1, 0}, wide = {20, 24, 3, 0};
    (void)state;
    assert_found("cnn", (td_net_variables){28, 28, 1, 10}, &images);
    assert_found("cnn", (td_net_variables){28, 28, 1, 10}, NULL);
    assert_found("cnn", (td_net_variables){32, 32, 3, 43}, NULL);
    assert_found("cnn-bn", (td_net_variables){20, 24, 3, 7}, &wide);
    assert_found("lenet5", (td_net_variables){28, 28, 1, 2}, NULL);
    assert_found("mobilenet-v2", (td_net_variables){32, 32, 3, 1000}, NULL);
    assert_found("squeezenet", (td_net_variables){32, 32, 3, 7}, NULL);
    assert_found("densenet121", (td_net_variables){32, 32, 3, 10}, NULL);
}

static void turn_last(td_tensor *tensors) {
    td_tensor *fc3 = &tensors[12];
    assert_string_equal(fc3->name, "fc3.weight");
    fc3->rank = 1;
    fc3->dims[0] *= fc3->dims[1];
}

static void rename_first(td_tensor *tensors) {
    tensors[0].name = "another.weight";
}

static void assert_no_net(const td_net_variables *images, const char *part) {
    td_model model;
    td_error error = {""};
    assert_int_equal(td_model_load(&model, "w.safetensors", images, &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "w.safetensors: ");
    support_assert_contains(error.message, "give it with --net");
    support_assert_contains(error.message, part);
    assert_null(model.net.nodes);
}

static void the_nearest_is_named(void **state) {
    const td_net_variables v = {28, 28, 1, 10}, other = {32, 32, 1, 0};
    (void)state;
    write_zoo("cnn", v, NULL);
    assert_no_net(&other, "the zoo's cnn is nearest, but: tensor \"fc1.weight\": its shape differs "
                          "from the net's: expected 200x1600, found 200x1024");
    write_zoo("cnn", v, turn_last);
    assert_no_net(NULL, "");
    write_zoo("cnn", v, rename_first);
    assert_no_net(NULL, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(nets_of_the_zoo),
        IN_FOLDER(the_nearest_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
