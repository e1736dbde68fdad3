#define _GNU_SOURCE /* program_invocation_short_name */
#include "defend/audit/step.h"

#include "base/json.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "defend/inspect/inspect.h"
#include "frame/child.h"
#include "frame/clock.h"
#include "frame/files.h"
#include "frame/identity.h"
#include "frame/interrupt.h"
#include "data/path.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *asked_of(const tool_method *method, int argc, char **argv) {
    tool_settings settings;
    td_error error;
    if (method->legacy)
        return method->legacy->asked(argc, argv);
    if (tool_settings_open(&settings, "trapdoor-defend", method, &error) != TD_OK)
        return NULL;
    tool_command_parse(&settings, NULL, argc, argv);
    json_t *asked = tool_asked(&settings.common, tool_settings_json(&settings));
    tool_settings_close(&settings);
    return asked;
}

enum { NUMBER_SIZE = 24, POLL_NANOSECONDS = 20000000 };

static const double grace = 5; /* seconds that a child has to end in */

static const char start_anew[] = "--force starts anew";

/* --- making --- */

static td_status copy(td_arena *arena, const char *text, const char **out, td_error *error) {
    char *made;
    TD_TRY(td_arena_text(arena, text, strlen(text), &made, error));
    *out = made;
    return TD_OK;
}

static td_status add(step *s, td_arena *arena, const char *text, td_error *error) {
    if (s->argc == STEP_ARGUMENTS)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at most %d arguments", s->method->name,
                       STEP_ARGUMENTS);
    return copy(arena, text, &s->argv[s->argc++], error);
}

td_status step_argue(step *s, const char *option, const char *text, td_arena *arena,
                     td_error *error) {
    TD_TRY(add(s, arena, option, error));
    return add(s, arena, text, error);
}

static td_status add_common(step *s, const tool_common *common, td_arena *arena, td_error *error) {
    char number[NUMBER_SIZE];
    TD_TRY(add(s, arena, s->method->name, error));
    TD_TRY(add(s, arena, "-q", error));
    snprintf(number, sizeof number, "%llu", (unsigned long long)common->seed);
    TD_TRY(step_argue(s, "--seed", number, arena, error));
    if (common->threads > 0) {
        snprintf(number, sizeof number, "%zu", common->threads);
        TD_TRY(step_argue(s, "--threads", number, arena, error));
    }
    return common->data_dir ? step_argue(s, "--data-dir", common->data_dir, arena, error) : TD_OK;
}

/* What was replaced was looked at before: --force is for what an interrupted child left. */
static td_status add_outputs(step *s, const tool_common *common, td_arena *arena, td_error *error) {
    TD_TRY(step_argue(s, "--json", s->record, arena, error));
    TD_TRY(add(s, arena, "--force", error));
    if (s->method->family != &inspectors)
        return TD_OK;
    const inspector *math = s->method->math;
    if (math->pictures)
        TD_TRY(step_argue(s, "--triggers", s->folder, arena, error));
    return math->resumes && !common->force ? add(s, arena, "--resume", error) : TD_OK;
}

/* As the record has it once it was written and read. */
static json_t *as_written(json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
    json_t *read = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    json_decref(value);
    return read;
}

/* argp turns the order of arguments, and messages begin with the method that would take them. */
static td_status ask(step *s, td_error *error) {
    char *own = program_invocation_short_name, name[64];
    char *argv[STEP_ARGUMENTS + 1];
    snprintf(name, sizeof name, "%.*s %s", (int)strcspn(own, " "), own, s->method->name);
    for (size_t i = 0; i <= s->argc; i++)
        argv[i] = (char *)s->argv[i];
    program_invocation_short_name = name;
    json_t *asked = as_written(asked_of(s->method, (int)s->argc, argv));
    program_invocation_short_name = own;
    s->identity = asked ? json_pack("{ss ss sO sO}", "version", TD_VERSION, "blas_core",
                                    td_blas_core(), "seed", json_object_get(asked, "seed"),
                                    "options", json_object_get(asked, "options"))
                        : NULL;
    json_decref(asked);
    return s->identity ? TD_OK : td_fail_memory(error, "a request");
}

td_status step_make(step *s, const step_run *run, const tool_method *method, const char *folder,
                    const char *name, const char *const *arguments, size_t count, td_arena *arena,
                    td_error *error) {
    char path[TD_PATH_SIZE];
    *s = (step){.method = method};
    if (!td_path_join(path, folder, "record.json"))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes", folder,
                       TD_PATH_SIZE);
    TD_TRY(copy(arena, path, &s->record, error));
    TD_TRY(copy(arena, folder, &s->folder, error));
    TD_TRY(copy(arena, name, &s->name, error));
    TD_TRY(add_common(s, run->common, arena, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(add(s, arena, arguments[i], error));
    TD_TRY(add_outputs(s, run->common, arena, error));
    return ask(s, error);
}

void step_free(step *s) {
    json_decref(s->identity);
    *s = (step){0};
}

/* --- looking --- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The digest of a file now; "" if it cannot be read. */
static const char *digest_of(const step_run *run, const char *path) {
    td_digest digest;
    if (!json_object_get(run->digests, path))
        json_object_set_new(
            run->digests, path,
            json_string(td_sha256_file(path, &digest, NULL) == TD_OK ? digest.hex : ""));
    return text_of(run->digests, path);
}

/* Pictures that are read from a folder are known by the checksum of their listing, which only the
 * run itself makes. */
static td_status check_inputs(const step *s, const step_run *run, const json_t *record,
                              td_error *error) {
    size_t i;
    const json_t *input;
    json_array_foreach(json_object_get(record, "inputs"), i, input) {
        const char *path = text_of(input, "path");
        if (!json_object_get(input, "files") &&
            strcmp(digest_of(run, path), text_of(input, "sha256")) != 0)
            return td_fail(error, TD_ERR_USAGE, "%s: not of this request: %s has changed since; %s",
                           s->record, path, start_anew);
    }
    return TD_OK;
}

/* The record is written before the files beside it are put into place. */
static bool has_outputs(const step *s, const json_t *record) {
    size_t i;
    const json_t *output;
    json_array_foreach(json_object_get(record, "outputs"), i, output) {
        char path[TD_PATH_SIZE];
        if (!td_path_join(path, s->folder, text_of(output, "file")) || !td_path_exists(path))
            return false;
    }
    return true;
}

static td_status check(step *s, const step_run *run, const json_t *record, td_error *error) {
    static const char *const keys[] = {"version", "blas_core", "seed"};
    json_t *found = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(found, keys[i], json_object_get(record, keys[i]));
    td_status status =
        tool_identity_compare(json_object_get(s->identity, "options"),
                              json_object_get(record, "options"), "request", start_anew, error);
    if (status == TD_OK) {
        json_object_set(found, "options", json_object_get(record, "options"));
        status = tool_identity_compare(s->identity, found, "request", start_anew, error);
    }
    json_decref(found);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", s->record);
    TD_TRY(check_inputs(s, run, record, error));
    s->done = has_outputs(s, record);
    s->cut = s->done && json_array_size(json_object_get(record, "unsearched")) > 0;
    return TD_OK;
}

td_status step_look(step *s, const step_run *run, td_error *error) {
    json_t *record;
    s->done = s->cut = false;
    if (run->common->force || !td_path_exists(s->record))
        return TD_OK;
    TD_TRY(td_json_read(s->record, &record, error));
    td_status status = check(s, run, record, error);
    json_decref(record);
    return status;
}

td_status step_record(const step *s, json_t **out, td_error *error) {
    return td_json_read(s->record, out, error);
}

/* --- running --- */

typedef struct running {
    pid_t id;
    double began, asked; /* when it was asked to end, or 0 */
} running;

/* Whether the child has been asked to end because this program is to stop. */
static void pass_on(running *r, const step_watch *watch) {
    const double now = tool_monotonic_seconds();
    if (r->asked == 0 && (tool_interrupted() || now - r->began >= watch->seconds)) {
        kill(r->id, SIGTERM);
        r->asked = now;
    } else if (r->asked > 0 && now - r->asked > grace) {
        kill(r->id, SIGKILL);
    }
}

static td_status wait_for(running *r, const step *s, const step_watch *watch, int *status,
                          td_error *error) {
    const struct timespec pause = {0, POLL_NANOSECONDS};
    bool ended = false;
    for (;;) {
        td_status failed = tool_child_ended(r->id, s->method->name, false, &ended, status, error);
        if (failed != TD_OK || ended)
            return failed;
        pass_on(r, watch);
        if (watch->tick)
            watch->tick(watch->context, tool_monotonic_seconds() - r->began);
        nanosleep(&pause, NULL);
    }
}

/* The last line of what the child said, without the name that it begins with. */
static td_status fail_as_told(const step *s, FILE *told, int status, td_error *error) {
    char line[sizeof(td_error)] = "", last[sizeof(td_error)] = "", name[96];
    rewind(told);
    while (fgets(line, sizeof line, told)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line)
            memcpy(last, line, sizeof last);
    }
    int length = snprintf(name, sizeof name, "trapdoor-defend %s: ", s->method->name);
    const bool own = length > 0 && strncmp(last, name, (size_t)length) == 0;
    return *last ? td_fail(error, TD_ERR_IO, "%s", own ? last + length : last)
                 : td_fail(error, TD_ERR_IO, "exit status %d, without a word", status);
}

static td_status run_child(step *s, const step_run *run, const step_watch *watch, FILE *told,
                           td_error *error) {
    const char *argv[STEP_ARGUMENTS + 2] = {"trapdoor-defend"};
    const tool_child child = {
        .path = "/proc/self/exe", .argv = argv, .input = -1, .output = -1, .error = fileno(told)};
    running r = {.began = tool_monotonic_seconds()};
    int exit_status = 0;
    memcpy(argv + 1, s->argv, s->argc * sizeof *argv);
    TD_TRY(tool_child_start(&child, &r.id, error));
    td_status status = wait_for(&r, s, watch, &exit_status, error);
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    const bool late = r.asked > 0 && (status != TD_OK || exit_status == 1);
    if (late) /* what an earlier run left may still be there */
        return step_look(s, run, error);
    TD_TRY(status);
    if (exit_status != 0 && exit_status != TOOL_EXIT_FLAGGED)
        return fail_as_told(s, told, exit_status, error);
    const tool_common looked = {.force = false};
    const step_run made = {&looked, run->digests};
    return step_look(s, &made, error);
}

td_status step_start(step *s, const step_run *run, const step_watch *watch, td_error *error) {
    bool made;
    s->done = s->cut = false;
    TD_TRY(tool_folder_make(s->folder, &made, error));
    FILE *told = tmpfile();
    td_status status = told ? run_child(s, run, watch, told, error)
                            : td_fail(error, TD_ERR_IO, "a temporary file could not be opened");
    if (told)
        fclose(told);
    if (!s->done && made)
        rmdir(s->folder);
    return status;
}
