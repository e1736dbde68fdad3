/* SPDX-License-Identifier: MIT */
/* dump_gradients MODEL train|infer SEED BATCH OUT: one pass of a model, without dropout, on
 * synthetic images; OUT receives the logits, the gradient of every trained parameter under its
 * name, and that of the raw pixels as "input". */
#include "base/output.h"
#include "data/safetensors.h"
#include "made.h"
#include "model/model.h"
#include "pass.h"
#include <stdlib.h>
#include <string.h>

static td_status write_pass(const td_net *net, const pass *ours, size_t batch, FILE *stream,
                            td_arena *arena, td_error *error) {
    td_shape in = td_net_input(net);
    td_tensor *tensors;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(arena, net->param_count + 2, &tensors, "tensors", error));
    tensors[count++] =
        (td_tensor){"logits", TD_F32, 2, {batch, td_net_classes(net)}, .data = ours->logits};
    tensors[count++] = (td_tensor){
        "input", TD_F32, 4, {batch, in.height, in.width, in.channels}, .data = ours->dinput};
    for (size_t p = 0; p < net->param_count; p++) {
        const td_param *param = &net->params[p];
        if (!td_param_learns(param))
            continue;
        tensors[count] =
            (td_tensor){param->name, TD_F32, param->rank, .data = ours->dweights + param->offset};
        memcpy(tensors[count++].dims, param->dims, param->rank * sizeof *param->dims);
    }
    return td_safetensors_write(stream, tensors, count, NULL, 0, error);
}

static td_status dump(const char *path, bool training, uint32_t seed, size_t batch, const char *out,
                      td_error *error) {
    td_model model;
    td_output output = {0};
    td_arena arena = {0};
    pass ours = {0};
    TD_TRY(td_model_load(&model, path, NULL, error));
    pass_without_dropout(&model.net);
    td_status status = pass_run(&ours, &model.net, model.weights, seed, batch, training, error);
    if (status == TD_OK)
        status = td_output_open(&output, out, true, error);
    if (status == TD_OK)
        status = write_pass(&model.net, &ours, batch, output.stream, &arena, error);
    if (status == TD_OK)
        status = td_output_commit(&output, error);
    td_output_discard(&output);
    td_arena_free(&arena);
    pass_free(&ours);
    td_model_free(&model);
    return status;
}

int main(int argc, char **argv) {
    td_error error;
    bool training = argc == 6 && strcmp(argv[2], "train") == 0;
    if (argc != 6 || (!training && strcmp(argv[2], "infer") != 0)) {
        fprintf(stderr, "usage: dump_gradients MODEL train|infer SEED BATCH OUT\n");
        return 2;
    }
    uint32_t seed = (uint32_t)strtoul(argv[3], NULL, 10);
    if (dump(argv[1], training, seed, strtoul(argv[4], NULL, 10), argv[5], &error) == TD_OK)
        return 0;
    fprintf(stderr, "dump_gradients: %s\n", error.message);
    return 1;
}
