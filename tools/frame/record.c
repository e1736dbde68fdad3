#include "frame/record.h"

#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "frame/clock.h"
#include "frame/machine.h"
#include "nn/kernel/kernel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    json_t *root = json_pack("{ss ss ss ss sI so s[] s[]}", "tool", tool, "version", TD_VERSION,
                             "kernel", td_kernel_used()->name, "blas_core", td_blas_core(), "seed",
                             (json_int_t)common->seed, "options", options, "inputs", "outputs");
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

static bool to_stdout(const tool_common *common) {
    return strcmp(common->json, "-") == 0;
}

/* td_json_write's own words do not say where or why. */
static td_status fail_writing(td_error *error, const char *where) {
    return td_fail(error, TD_ERR_IO, "%s: %s", where, errno ? strerror(errno) : "a write failed");
}

static td_status write_file(const json_t *root, const tool_common *common, td_output *output,
                            td_error *error) {
    TD_TRY(td_output_open(output, common->json, common->force, error));
    errno = 0;
    if (td_json_write(output->stream, root, error) != TD_OK)
        return fail_writing(error, common->json);
    return td_output_finish(output, error);
}

td_status tool_record_time(tool_record *record, td_error *error) {
    double seconds = tool_monotonic_seconds() - record->began;
    char processor[128];
    tool_processor(processor, sizeof processor);
    json_t *timing =
        json_pack("{sf sI so sI}", "seconds", seconds, "threads", (json_int_t)td_threads(),
                  "processor", tool_json_text(processor), "cores", (json_int_t)tool_cores());
    json_object_del(record->root, "timing");
    return json_object_set_new(record->root, "timing", timing) == 0 ? TD_OK : fail_memory(error);
}

bool tool_record_to_stdout(const tool_common *common) {
    return common->json && to_stdout(common);
}

td_status tool_record_print(const tool_record *record, td_error *error) {
    errno = 0;
    return td_json_write(stdout, record->root, error) == TD_OK && fflush(stdout) == 0
               ? TD_OK
               : fail_writing(error, "standard output");
}

td_status tool_record_write(tool_record *record, const tool_common *common, td_error *error) {
    td_output output = {0};
    TD_TRY(tool_record_time(record, error));
    if (tool_record_to_stdout(common))
        return tool_record_print(record, error);
    if (!common->json)
        return TD_OK;
    td_status status = write_file(record->root, common, &output, error);
    if (status == TD_OK)
        status = td_output_publish(&output, error);
    td_output_discard(&output);
    return status;
}

td_status tool_record_check(const tool_common *common, td_error *error) {
    if (!common->json || to_stdout(common))
        return TD_OK;
    TD_TRY(td_output_check(common->json, common->force, error));
    struct stat info;
    if (stat(common->json, &info) == 0 && !S_ISREG(info.st_mode))
        return TD_OK; /* opening a pipe now would end it for its reader */
    td_output trial;
    TD_TRY(td_output_open(&trial, common->json, common->force, error));
    td_output_discard(&trial);
    return TD_OK;
}

void tool_record_free(tool_record *record) {
    json_decref(record->root);
    *record = (tool_record){0};
}

/* Sets object[NAME + ending], which a record that lacks memory goes without. */
static void set_named(json_t *object, const char *name, const char *ending, json_t *value) {
    char key[128];
    snprintf(key, sizeof key, "%s%s", name, ending);
    json_object_set_new(object, key, value);
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

void tool_json_rate(json_t *object, const char *name, const td_rate *rate) {
    set_named(object, name, "", json_real(rate->value));
    set_named(object, name, "_interval",
              json_pack("[ff]", rate->interval.low, rate->interval.high));
    set_named(object, name, "_count",
              json_pack("[II]", (json_int_t)rate->hits, (json_int_t)rate->trials));
}
