/* SPDX-License-Identifier: MIT */
/* Input and output files in a record. A digest is of the bytes that were read: the file is the same
 * one, and was not modified between reading and hashing, in either order. */
#include "frame/record_inputs.h"

#include "frame/record.h"
#include <stdlib.h>
#include <string.h>

/* Appends {key: name, "sha256"}. */
static void add_file(tool_record *record, const char *list, const char *key, const char *name,
                     const td_digest *digest) {
    td_json_append(&record->json, json_object_get(record->root, list),
                   td_json_pack(&record->json, "{ss ss}", key, name, "sha256", digest->hex));
}

static tool_input *find(const tool_record *record, const char *path) {
    tool_input *input = record->inputs;
    while (input && strcmp(input->path, path) != 0)
        input = input->next;
    return input;
}

/* Adds an entry; `input` is complete except for its path. */
static td_status append(tool_record *record, const char *path, const tool_input *input,
                        td_error *error) {
    tool_input *copy = malloc(sizeof *copy);
    char *own_path = strdup(path);
    if (!copy || !own_path) {
        free(own_path);
        free(copy);
        return td_fail_memory(error, "the record");
    }
    *copy = *input;
    copy->path = own_path;
    copy->next = record->inputs;
    record->inputs = copy;
    add_file(record, "inputs", "path", path, &input->digest);
    return TD_OK;
}

void tool_record_kind(tool_record *record, const char *path, const char *kind) {
    size_t i;
    json_t *input;
    json_array_foreach(json_object_get(record->root, "inputs"), i, input) {
        const char *found = json_string_value(json_object_get(input, "path"));
        if (found && strcmp(found, path) == 0)
            td_json_set(&record->json, input, "kind", td_json_text(&record->json, kind));
    }
}

void tool_inputs_free(tool_input *inputs) {
    while (inputs) {
        tool_input *next = inputs->next;
        free(inputs->path);
        free(inputs);
        inputs = next;
    }
}

td_status tool_record_input(tool_record *record, const char *path, td_error *error) {
    tool_input input = {0};
    if (find(record, path))
        return TD_OK;
    TD_TRY(td_sha256_stamped(path, &input.digest, &input.stamp, error));
    return append(record, path, &input, error);
}

td_status tool_record_digested(tool_record *record, const char *path, const td_digest *digest,
                               td_error *error) {
    return find(record, path) ? TD_OK
                              : append(record, path, &(tool_input){.digest = *digest}, error);
}

/* A different stamp may still mean the same bytes: a link was made, or the file was touched. */
static td_status check_bytes(const tool_input *input, td_error *error) {
    td_digest now;
    TD_TRY(td_sha256_file(input->path, &now, error));
    return strcmp(now.hex, input->digest.hex) == 0 ? TD_OK : td_fail_changed(error, input->path);
}

td_status tool_record_was_read(const tool_record *record, const char *path, td_error *error) {
    const tool_input *input = find(record, path);
    const td_file_stamp now = td_file_stamp_of(path);
    return !input || td_file_stamp_is_same(&now, &input->stamp) ? TD_OK : check_bytes(input, error);
}

/* Whether the recorded file is the one that had this stamp before it was opened. */
static td_status check_opened(const tool_input *input, const td_file_stamp *before,
                              td_error *error) {
    td_digest digest;
    td_file_stamp stamp;
    if (td_file_stamp_is_same(before, &input->stamp))
        return TD_OK;
    TD_TRY(td_sha256_stamped(input->path, &digest, &stamp, error));
    return td_file_stamp_is_same(before, &stamp) && strcmp(digest.hex, input->digest.hex) == 0
               ? TD_OK
               : td_fail_changed(error, input->path);
}

td_status tool_record_opened(tool_record *record, const char *path, const td_file_stamp *before,
                             td_error *error) {
    TD_TRY(tool_record_input(record, path, error));
    return check_opened(find(record, path), before, error);
}

td_status tool_record_check_inputs(const tool_record *record, td_error *error) {
    for (const tool_input *input = record->inputs; input; input = input->next) {
        const td_file_stamp now = td_file_stamp_of(input->path);
        if (input->is_mapped && now.device == input->stamp.device &&
            now.inode == input->stamp.inode && !td_file_stamp_is_same(&now, &input->stamp))
            TD_TRY(check_bytes(input, error));
    }
    return TD_OK;
}

const td_digest *tool_record_digest(const tool_record *record, const char *path) {
    const tool_input *input = find(record, path);
    return input ? &input->digest : NULL;
}

void tool_record_output(tool_record *record, const char *name, const td_digest *digest) {
    add_file(record, "outputs", "file", name, digest);
}

static void add_remarks(td_json *json, json_t *input, const td_remarks *remarks) {
    static const struct {
        td_fact fact;
        const char *field;
    } fields[] = {{TD_FACT_TURNED, "turned"},
                  {TD_FACT_TRANSPARENT, "transparent"},
                  {TD_FACT_LOST, "lost_on_ground"},
                  {TD_FACT_CMYK, "from_cmyk"}};
    for (size_t i = 0; remarks && i < sizeof fields / sizeof *fields; i++) {
        const size_t count = remarks->pictures[fields[i].fact];
        if (count > 0)
            td_json_set(json, input, fields[i].field, td_json_count(json, count));
    }
}

void tool_record_folder(tool_record *record, const char *path, size_t files,
                        const td_digest *digest, const td_remarks *remarks) {
    json_t *inputs = json_object_get(record->root, "inputs"), *old;
    json_t *input = td_json_pack(&record->json, "{ss sz ss}", "path", path, "files", files,
                                 "sha256", digest->hex);
    size_t i;
    add_remarks(&record->json, input, remarks);
    json_array_foreach(inputs, i, old) {
        if (json_equal(old, input)) {
            json_decref(input);
            return;
        }
    }
    td_json_append(&record->json, inputs, input);
}

td_status tool_record_dataset(tool_record *record, const td_dataset *set, td_error *error) {
    if (set->folder)
        tool_record_folder(record, set->folder, set->folder_files, &set->folder_digest,
                           &set->remarks);
    for (size_t i = 0; i < set->file_count; i++) {
        TD_TRY(tool_record_opened(record, set->files[i], &set->stamps[i], error));
        find(record, set->files[i])->is_mapped |= set->map.size > 0;
    }
    return TD_OK;
}
