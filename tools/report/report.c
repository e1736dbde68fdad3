/* SPDX-License-Identifier: MIT */
/* Common code of the report. */
#define _GNU_SOURCE /* memfd_create */
#include "report/report.h"

#include "frame/options.h"
#include "report/chart.h"
#include "report/html.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void report_trouble_add(report *r, const char *name, const char *reason) {
    char line[sizeof(td_error)], *copy_name, *copy_reason;
    for (size_t i = 0; i < r->trouble_count; i++)
        if (strcmp(r->troubles[i].name, name) == 0 && strcmp(r->troubles[i].reason, reason) == 0)
            return;
    snprintf(line, sizeof line, "note: %s: %s", name, reason);
    if (!r->quiet)
        tool_note(line);
    if (r->trouble_count == REPORT_FILES)
        return;
    if (td_arena_text(&r->arena, name, strlen(name), &copy_name, NULL) != TD_OK ||
        td_arena_text(&r->arena, reason, strlen(reason), &copy_reason, NULL) != TD_OK)
        r->failed = td_fail_memory(&r->failure, "the report");
    else
        r->troubles[r->trouble_count++] = (report_trouble){copy_name, copy_reason};
}

td_status report_check(const report *r, td_error *error) {
    return r->failed == TD_OK ? TD_OK : td_fail(error, r->failed, "%s", r->failure.message);
}

bool report_is_fatal(td_status status) {
    return status == TD_ERR_MEMORY || status == TD_ERR_IO || status == TD_ERR_INTERRUPTED;
}

void report_trouble_failed(report *r, const char *name, td_status status, const td_error *error) {
    if (report_is_fatal(status))
        r->failed = td_fail(&r->failure, status, "%s", error->message);
    else
        report_trouble_add(r, name, error->message);
}

/* --- kinds --- */

/* The ground truth of trapdoor-poison and of trapdoor-implant. */
static bool is_manifest(const json_t *root) {
    return (json_object_get(root, "rule") || json_object_get(root, "method")) &&
           json_is_array(json_object_get(root, "triggers")) &&
           json_is_array(json_object_get(root, "outputs"));
}

static bool is_log(const json_t *root) {
    return json_object_size(root) == 1 && json_is_array(json_object_get(root, "epochs"));
}

static bool is_run(const json_t *root) {
    return strncmp(html_get_text(root, "tool"), "trapdoor-", 9) == 0;
}

/* A verdict on a model that combines several records. */
static bool is_audit(const json_t *root) {
    return json_is_string(json_object_get(root, "verdict")) &&
           json_is_array(json_object_get(root, "evidence"));
}

/* Wrote a model, or measured one before and after. */
static bool is_repair(const json_t *root) {
    return json_is_object(json_object_get(root, "test"));
}

/* In page order, which follows the workflow. */
static const report_kind kinds[] = {
    {"Verdict", "trapdoor-defend", is_audit, REPORT_VERDICT},
    {"Data", "trapdoor-data", NULL, REPORT_OTHER},
    {"Poisoned data", "trapdoor-poison", NULL, REPORT_PLANTED},
    {"Manifest", NULL, is_manifest, REPORT_PLANTED},
    {"Training", "trapdoor-train", NULL, REPORT_OTHER},
    {"Training log", NULL, is_log, REPORT_OTHER},
    {"Implanted backdoor", "trapdoor-implant", NULL, REPORT_PLANTED},
    {"Adversarial examples", "trapdoor-evade", NULL, REPORT_OTHER},
    {"Evaluation", "trapdoor-eval", NULL, REPORT_MEASURED},
    {"Defence", "trapdoor-defend", is_repair, REPORT_REMOVED},
    {"Defence", "trapdoor-defend", NULL, REPORT_FOUND},
    {"Other record", NULL, is_run, REPORT_OTHER},
};

const report_kind *report_kind_of(const json_t *root) {
    const char *tool = html_get_text(root, "tool");
    const bool has_tool = json_object_get(root, "tool");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && strcmp(tool, "trapdoor-report"); i++) {
        const report_kind *kind = &kinds[i];
        if (kind->tool ? strcmp(tool, kind->tool) == 0 && (!kind->is || kind->is(root))
                       : (!has_tool || kind->is == is_run) && kind->is(root))
            return kind;
    }
    return NULL;
}

/* --- finding the record that wrote a file, by checksum --- */

td_status report_add_outputs(report *r, size_t number, td_error *error) {
    size_t i;
    const json_t *output;
    td_json json = {0};
    if (!r->makers)
        r->makers = td_json_object(&json);
    json_array_foreach(json_object_get(r->records[number].root, "outputs"), i, output) {
        const char *const keys[] = {html_get_text(output, "sha256"),
                                    html_base(html_get_text(output, "file"))};
        for (size_t k = 0; k < 2; k++)
            if (*keys[k] && !json_object_get(r->makers, keys[k]))
                td_json_set(&json, r->makers, keys[k], td_json_count(&json, number));
    }
    return td_json_end(&json, NULL, "a list of outputs", error);
}

const report_record *report_maker(const report *r, const char *digest) {
    const json_t *number = json_object_get(r->makers, digest);
    return number ? &r->records[json_integer_value(number)] : NULL;
}

/* --- links --- */

bool report_is_below(const report_record *record, const char *name, const char *other) {
    const size_t folder = record ? (size_t)(html_base(record->file.name) - record->file.name) : 0;
    return record && strncmp(record->file.name, other, folder) == 0 &&
           strcmp(other + folder, name) == 0;
}

const report_record *report_find(const report *r, const report_record *from, const char *name) {
    for (size_t i = 0; i < r->record_count; i++) {
        const char *other = r->records[i].file.name;
        if (strcmp(other, name) == 0 || report_is_below(from, name, other))
            return &r->records[i];
    }
    return NULL;
}

void report_link(const report *r, const report_record *record, const char *text) {
    if (record)
        fprintf(r->out, "<a href=\"#record-%zu\">", (size_t)(record - r->records) + 1);
    html_text(r->out, text);
    fputs(record ? "</a>" : "", r->out);
}

td_status report_memory(FILE **out, td_error *error) {
    const int file = memfd_create("trapdoor-report", MFD_CLOEXEC);
    *out = file < 0 ? NULL : fdopen(file, "w+b");
    if (*out)
        return TD_OK;
    if (file >= 0)
        close(file);
    return td_fail(error, TD_ERR_IO, "a file in memory: %s", strerror(errno));
}

void report_free(report *r) {
    for (size_t i = 0; i < r->record_all; i++) {
        json_decref(r->records[i].root);
        json_decref(r->records[i].rest);
        tool_tables_free(&r->records[i].tables);
        tool_tables_free(&r->records[i].derived);
    }
    if (r->out)
        fclose(r->out);
    if (r->script)
        fclose(r->script);
    if (r->drawings)
        fclose(r->drawings);
    json_decref(r->makers);
    td_arena_free(&r->arena);
    *r = (report){0};
}
