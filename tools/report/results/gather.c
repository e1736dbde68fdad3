#include "report/results/gather.h"

#include "base/file.h"
#include "base/json.h"
#include "frame/record.h"
#include "report/html.h"
#include "report/results/expect.h"
#include <stdlib.h>
#include <string.h>

/* Seeds are numbers mostly: 2 comes before 10. */
static int compare(const void *a, const void *b) {
    const gathered *x = a, *y = b;
    size_t left = strlen(x->seed), right = strlen(y->seed);
    return left != right ? (left < right ? -1 : 1) : strcmp(x->seed, y->seed);
}

td_status gather_matches(gatherer *g, const char *pattern, td_error *error) {
    char seed[EXPECT_TEXT], *copy;
    g->match_count = 0;
    TD_TRY(TD_ARENA_NEW(&g->arena, g->r->file_count, &g->matches, "names of records", error));
    for (size_t i = 0; i < g->r->file_count; i++) {
        if (!expect_matches(pattern, g->r->files[i].name, seed))
            continue;
        TD_TRY(td_arena_text(&g->arena, seed, strlen(seed), &copy, error));
        g->matches[g->match_count++] = (gathered){&g->r->files[i], copy};
    }
    if (g->match_count > 1)
        qsort(g->matches, g->match_count, sizeof *g->matches, compare);
    for (size_t i = 0; i < g->match_count && *g->matches[i].seed; i++)
        TD_TRY(gather_setting(g, "seeds", tool_json_text(g->matches[i].seed), error));
    return TD_OK;
}

td_status gather_setting(gatherer *g, const char *list, json_t *value, td_error *error) {
    json_t *values = json_object_get(g->settings, list), *old;
    size_t i;
    if (!value)
        return TD_OK;
    if (!values && json_object_set_new(g->settings, list, values = json_array()) != 0) {
        json_decref(value);
        return td_fail_memory(error, "results");
    }
    json_array_foreach(values, i, old) {
        if (json_equal(old, value)) {
            json_decref(value);
            return TD_OK;
        }
    }
    return json_array_append_new(values, value) == 0 ? TD_OK : td_fail_memory(error, "results");
}

/* "AMD EPYC, 2 cores" */
static json_t *machine_of(const json_t *timing) {
    const char *processor = html_get_text(timing, "processor");
    double cores;
    if (!*processor)
        return NULL;
    return html_get(timing, "cores", &cores)
               ? json_sprintf("%.200s, %.0f core%s", processor, cores, cores == 1 ? "" : "s")
               : json_string(processor);
}

static td_status note_settings(gatherer *g, const json_t *root, td_error *error) {
    const json_t *timing = json_object_get(root, "timing");
    TD_TRY(gather_setting(g, "versions", json_incref(json_object_get(root, "version")), error));
    TD_TRY(gather_setting(g, "blas_cores", json_incref(json_object_get(root, "blas_core")), error));
    TD_TRY(gather_setting(g, "machines", machine_of(timing), error));
    return gather_setting(g, "threads", json_incref(json_object_get(timing, "threads")), error);
}

td_status gather_open(gatherer *g, const gathered *match, json_t **root, td_error *error) {
    td_map map;
    *root = NULL;
    TD_TRY(td_map_open(&map, match->file->path, error));
    td_status status =
        map.size <= REPORT_RECORD_BYTES
            ? td_json_parse((const char *)map.data, map.size, root, error)
            : td_fail(error, TD_ERR_FORMAT, "expected at most %d MiB, found %zu bytes",
                      REPORT_RECORD_BYTES >> 20, map.size);
    td_map_close(&map);
    TD_TRY(status);
    if (!report_kind_of(*root)) {
        status =
            td_fail(error, TD_ERR_FORMAT, "expected a record of these tools, found other JSON");
    } else {
        status = note_settings(g, *root, error);
    }
    if (status != TD_OK) {
        json_decref(*root);
        *root = NULL;
    }
    return status;
}

td_status gather_finish(gatherer *g, td_error *error) {
    double seconds = 0, one;
    for (size_t i = 0; i < g->r->record_count; i++)
        if (html_get(json_object_get(g->r->records[i].root, "timing"), "seconds", &one))
            seconds += one;
    int failed =
        json_object_set_new(g->settings, "records", json_integer((json_int_t)g->r->record_count));
    failed |= json_object_set_new(g->settings, "seconds", json_real(seconds));
    return failed ? td_fail_memory(error, "results") : TD_OK;
}
