#include "frame/record.h"

#include "base/json.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "frame/clock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static td_status fail_memory(td_error *error) {
    return td_fail_memory(error, "the record");
}

json_t *tool_json_text(const char *text) {
    json_t *value = json_string(text);
    if (value)
        return value;
    char *copy = strdup(text);
    for (char *byte = copy; byte && *byte; byte++)
        if ((unsigned char)*byte > 127)
            *byte = '?';
    value = copy ? json_string(copy) : NULL;
    free(copy);
    return value;
}

td_status tool_record_start(tool_record *record, const char *tool, const tool_common *common,
                            json_t *options, td_error *error) {
    json_t *root = json_pack("{ss ss ss sI so s[] s[]}", "tool", tool, "version", TD_VERSION,
                             "blas_core", td_blas_core(), "seed", (json_int_t)common->seed,
                             "options", options, "inputs", "outputs");
    *record = (tool_record){root, tool_monotonic_seconds()};
    return root ? TD_OK : fail_memory(error);
}

static bool has_file(const json_t *files, const char *key, const json_t *name) {
    size_t i;
    json_t *file;
    json_array_foreach(files, i, file) {
        if (json_equal(json_object_get(file, key), name))
            return true;
    }
    return false;
}

/* Appends {key: name, "sha256"} of the file at `path`; takes `name`. */
static td_status add_file(json_t *files, const char *key, json_t *name, const char *path,
                          td_error *error) {
    if (!name)
        return fail_memory(error);
    td_digest digest;
    td_status status = TD_OK;
    if (has_file(files, key, name))
        json_decref(name);
    else if ((status = td_sha256_file(path, &digest, error)) != TD_OK)
        json_decref(name);
    else if (json_array_append_new(files, json_pack("{so ss}", key, name, "sha256", digest.hex)) !=
             0)
        status = fail_memory(error);
    return status;
}

td_status tool_record_input(tool_record *record, const char *path, td_error *error) {
    return add_file(json_object_get(record->root, "inputs"), "path", tool_json_text(path), path,
                    error);
}

td_status tool_record_output(tool_record *record, const char *name, const char *path,
                             td_error *error) {
    return add_file(json_object_get(record->root, "outputs"), "file", tool_json_text(name), path,
                    error);
}

td_status tool_record_folder(tool_record *record, const char *path, size_t files,
                             const td_digest *digest, td_error *error) {
    json_t *inputs = json_object_get(record->root, "inputs"), *old;
    json_t *input = json_pack("{so sI ss}", "path", tool_json_text(path), "files",
                              (json_int_t)files, "sha256", digest->hex);
    size_t i;
    json_array_foreach(inputs, i, old) {
        if (json_equal(old, input)) {
            json_decref(input);
            return TD_OK;
        }
    }
    return json_array_append_new(inputs, input) == 0 ? TD_OK : fail_memory(error);
}

td_status tool_record_dataset(tool_record *record, const td_dataset *set, td_error *error) {
    if (set->folder)
        return tool_record_folder(record, set->folder, set->folder_files, &set->folder_digest,
                                  error);
    for (size_t i = 0; i < set->file_count; i++)
        TD_TRY(tool_record_input(record, set->files[i], error));
    return TD_OK;
}

/* The processor's name as /proc/cpuinfo has it, else the machine's type, such as "aarch64". */
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
    char processor[128];
    name_processor(processor);
    json_t *timing = json_pack("{sf sI so sI}", "seconds", seconds, "threads",
                               (json_int_t)td_threads(), "processor", tool_json_text(processor),
                               "cores", (json_int_t)(cores > 0 ? cores : 1));
    json_object_del(record->root, "timing");
    return json_object_set_new(record->root, "timing", timing) == 0 ? TD_OK : fail_memory(error);
}

bool tool_record_to_stdout(const tool_common *common) {
    return common->json && strcmp(common->json, "-") == 0;
}

td_status tool_record_write(const tool_record *record, FILE *stream, const char *name,
                            td_error *error) {
    errno = 0; /* td_json_write's own words do not say where or why */
    if (td_json_write(stream, record->root, error) == TD_OK && fflush(stream) == 0)
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "%s: %s", name, errno ? strerror(errno) : "a write failed");
}

void tool_record_free(tool_record *record) {
    json_decref(record->root);
    *record = (tool_record){0};
}

/* Sets object[NAME + ending]; takes `value`. */
static bool set_named(json_t *object, const char *name, const char *ending, json_t *value) {
    char key[128];
    snprintf(key, sizeof key, "%s%s", name, ending);
    return json_object_set_new(object, key, value) == 0;
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

bool tool_json_interval(json_t *object, const char *name, td_interval interval) {
    return set_named(object, name, "_interval", json_pack("[ff]", interval.low, interval.high));
}

bool tool_json_rate(json_t *object, const char *name, const td_rate *rate) {
    return set_named(object, name, "", json_real(rate->value)) &&
           tool_json_interval(object, name, rate->interval) &&
           set_named(object, name, "_count",
                     json_pack("[II]", (json_int_t)rate->hits, (json_int_t)rate->trials));
}
