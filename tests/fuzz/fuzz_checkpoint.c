/* SPDX-License-Identifier: MIT */
/* Checkpoints of trapdoor-train, read to resume a training, and to start one. */
#include "fuzz.h"
#include "train/train.h"
#include <string.h>

static const char net_text[] = "input = image() height=1 width=1 channels=1\n"
                               "flat = flatten(input)\n"
                               "fc1 = dense(flat) out=2\n";

enum { WEIGHTS = 4 };

/* Replaces identity.c's: the identity in the corpus's checkpoints. */
td_status train_identity(const train_job *job, json_t **out, td_error *error) {
    (void)job;
    *out = json_pack("{s:i}", "seed", 1);
    return *out ? TD_OK : td_fail_memory(error, "the identity");
}

static void resume(const char *path) {
    td_error error = {""};
    td_net net;
    float weights[WEIGHTS] = {0};
    char copy[64];
    snprintf(copy, sizeof copy, "%s", path);
    const train_settings settings = {.resume = true, .training.options.epochs = 3};
    tool_run run = {0};
    fuzz_expect(td_net_parse(&net, net_text, NULL, &error), &error);
    FUZZ_ASSERT(net.weight_count == WEIGHTS);
    train_job job = {.run = &run,
                     .settings = &settings,
                     .net = &net,
                     .weights = weights,
                     .epochs = json_array(),
                     .states = 1,
                     .checkpoint = {"trapdoor.checkpoint", "training", copy, NULL}};
    if (fuzz_succeeded(train_checkpoint_load(&job, &error), &error)) {
        FUZZ_ASSERT(job.resumed >= 1 && job.resumed <= settings.training.options.epochs);
        FUZZ_ASSERT(json_array_size(job.epochs) == job.resumed);
        fuzz_touch(job.optimizer_state, job.states * sizeof weights);
    }
    json_decref(job.epochs);
    json_decref(job.checkpoint.identity);
    td_arena_free(&run.arena);
    td_net_free(&net);
}

static void start(const char *path) {
    td_error error = {""};
    tool_run run = {0};
    train_job job = {.run = &run};
    bool found;
    if (fuzz_succeeded(train_checkpoint_start(&job, path, &found, &error), &error) && found)
        fuzz_touch(job.weights, job.own_net.weight_count * sizeof *job.weights);
    td_net_free(&job.own_net);
    td_arena_free(&run.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(data, size);
    resume(path);
    start(path);
    return 0;
}
