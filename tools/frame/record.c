/* SPDX-License-Identifier: MIT */
#include "frame/record.h"

#include "base/json.h"
#include "base/parallel.h"
#include "frame/clock.h"
#include "frame/record_inputs.h"
#include "nn/kernel/kernel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

td_status tool_record_check(const tool_record *record, td_error *error) {
    return td_json_end(&record->json, NULL, "the record", error);
}

td_status tool_record_start(tool_record *record, const char *tool, const tool_common *common,
                            json_t *options, td_error *error) {
    *record = (tool_record){.began = tool_monotonic_seconds(), .passes = td_passes_so_far()};
    record->root =
        td_json_pack(&record->json, "{ss ss ss ss sI so s[] s[]}", "tool", tool, "version",
                     TD_VERSION, "kernel", td_kernel_used()->name, "blas_core", td_blas_core(),
                     "seed", (json_int_t)common->seed, "options", options, "inputs", "outputs");
    return td_json_end(&record->json, &record->root, "the record", error);
}

/* The processor's name from /proc/cpuinfo, or else the machine's type, such as "aarch64". */
static void name_processor(char name[128]) {
    char line[512];
    struct utsname machine;
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(name, 128, "%s", uname(&machine) == 0 ? machine.machine : "unknown");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "model name : %127[^\n]", name) == 1)
            break;
    if (file)
        fclose(file);
}

td_status tool_record_time(tool_record *record, td_error *error) {
    double seconds = tool_monotonic_seconds() - record->began;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const td_passes passes = td_passes_so_far();
    char processor[128];
    name_processor(processor);
    json_object_del(record->root, "timing");
    td_json_set(&record->json, record->root, "timing",
                td_json_pack(&record->json, "{sf sI ss sI s{sI sI}}", "seconds", seconds, "threads",
                             (json_int_t)td_threads(), "processor", processor, "cores",
                             (json_int_t)(cores > 0 ? cores : 1), "image_passes", "forward",
                             (json_int_t)(passes.forward - record->passes.forward), "backward",
                             (json_int_t)(passes.backward - record->passes.backward)));
    return tool_record_check(record, error);
}

bool tool_record_to_stdout(const tool_common *common) {
    return common->json && strcmp(common->json, "-") == 0;
}

td_status tool_record_write(const tool_record *record, FILE *stream, const char *name,
                            td_error *error) {
    TD_TRY(td_name_stream(error, td_json_write(stream, record->root, error), stream, name));
    return fflush(stream) == 0 ? TD_OK : td_fail(error, TD_ERR_IO, "%s: %s", name, strerror(errno));
}

void tool_record_free(tool_record *record) {
    json_decref(record->root);
    tool_inputs_free(record->inputs);
    *record = (tool_record){0};
}

/* Sets object[NAME + ending]; takes ownership of `value`. */
static void set_named(td_json *json, json_t *object, const char *name, const char *ending,
                      json_t *value) {
    char key[128];
    snprintf(key, sizeof key, "%s%s", name, ending);
    td_json_set(json, object, key, value);
}

bool tool_json_take_rate(const json_t *object, const char *name, td_rate *rate) {
    char key[128];
    snprintf(key, sizeof key, "%s_count", name);
    const json_t *count = json_object_get(object, key);
    const json_t *hits = json_array_get(count, 0), *trials = json_array_get(count, 1);
    const json_int_t most = json_integer_value(trials), part = json_integer_value(hits);
    if (!json_is_integer(hits) || !json_is_integer(trials) || part < 0 || part > most)
        return false;
    *rate = td_rate_of((size_t)part, (size_t)most);
    return true;
}

void tool_json_interval(td_json *json, json_t *object, const char *name, td_interval interval) {
    set_named(json, object, name, "_interval",
              td_json_pack(json, "[ff]", interval.low, interval.high));
}

void tool_json_rate(td_json *json, json_t *object, const char *name, const td_rate *rate) {
    set_named(json, object, name, "", td_json_real(json, rate->value));
    tool_json_interval(json, object, name, rate->interval);
    set_named(json, object, name, "_count", td_json_pack(json, "[zz]", rate->hits, rate->trials));
}
