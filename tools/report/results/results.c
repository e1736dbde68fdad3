/* From expectations and records to results. */
#include "report/results/results.h"

#include "base/json.h"
#include "frame/record.h"
#include "report/html.h"
#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/gather.h"
#include "report/results/row.h"
#include "report/results/verdict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The value of the first seed's record, whatever it is: a list or a matrix. */
static td_status make_first(gatherer *g, const json_t *asked, json_t *entry, const char *key,
                            td_error *error) {
    static const char *const kept[] = {"name", "paper", "target", NULL};
    const char *path = json_string_value(json_object_get(asked, "value"));
    json_t *root = NULL, *values = NULL;
    td_error trouble;
    if (results_keep(entry, asked, kept))
        return td_fail_memory(error, "results");
    TD_TRY(gather_matches(g, json_string_value(json_object_get(asked, "records")), error));
    if (g->match_count == 0)
        return TD_OK;
    td_status status = gather_open(g, &g->matches[0], &root, &trouble);
    if (status == TD_OK)
        status = find_values(root, path, &values, &trouble);
    if (status == TD_OK &&
        (json_array_size(values) != 1 || !json_is_array(json_array_get(values, 0)) ||
         json_array_size(json_array_get(values, 0)) > EXPECT_ENTRIES))
        status = td_fail(&trouble, TD_ERR_FORMAT, "%s: expected one list of at most %d", path,
                         EXPECT_ENTRIES);
    int failed = 0;
    if (status == TD_OK) {
        failed |= json_object_set_new(entry, "record", tool_json_text(g->matches[0].file->name));
        failed |= json_object_set(entry, key, json_array_get(values, 0));
    } else {
        report_trouble_add(g->r, g->matches[0].file->name, trouble.message);
        failed = json_object_set_new(entry, "problem", json_string(trouble.message));
    }
    json_decref(values);
    json_decref(root);
    return failed ? td_fail_memory(error, "results") : TD_OK;
}

static td_status make_list(gatherer *g, const json_t *table, const json_t *asked, json_t *entry,
                           td_error *error) {
    (void)table;
    return make_first(g, asked, entry, "values", error);
}

static td_status make_matrix(gatherer *g, const json_t *table, const json_t *asked, json_t *entry,
                             td_error *error) {
    (void)table;
    return make_first(g, asked, entry, "counts", error);
}

static td_status make_pictures(gatherer *g, const json_t *table, const json_t *asked, json_t *entry,
                               td_error *error) {
    (void)table;
    json_t *files = json_array();
    int failed = json_object_set(entry, "name", json_object_get(asked, "name")) |
                 json_object_set_new(entry, "files", files);
    TD_TRY(gather_matches(g, json_string_value(json_object_get(asked, "files")), error));
    for (size_t i = 0; i < g->match_count; i++)
        failed |= json_array_append_new(files, tool_json_text(g->matches[i].file->name));
    return failed ? td_fail_memory(error, "results") : TD_OK;
}

/* A list of a table, entry by entry. */
static td_status make_entries(gatherer *g, const json_t *table, json_t *to, const char *key,
                              td_status (*make)(gatherer *g, const json_t *table,
                                                const json_t *asked, json_t *entry,
                                                td_error *error),
                              td_error *error) {
    const json_t *list = json_object_get(table, key), *asked;
    json_t *made = list ? json_array() : NULL;
    size_t i;
    if (list && json_object_set_new(to, key, made) != 0)
        return td_fail_memory(error, "results");
    json_array_foreach(list, i, asked) {
        json_t *entry = json_object();
        if (json_array_append_new(made, entry) != 0)
            return td_fail_memory(error, "results");
        TD_TRY(make(g, table, asked, entry, error));
        td_arena_free(&g->arena);
    }
    return TD_OK;
}

static td_status make_table(gatherer *g, const json_t *table, json_t *to, td_error *error) {
    static const char *const kept[] = {"title", "note", "plot", NULL};
    if (results_keep(to, table, kept))
        return td_fail_memory(error, "results");
    TD_TRY(make_entries(g, table, to, "rows", results_row, error));
    TD_TRY(make_entries(g, table, to, "lists", make_list, error));
    TD_TRY(make_entries(g, table, to, "matrices", make_matrix, error));
    return make_entries(g, table, to, "pictures", make_pictures, error);
}

/* How many rows have each verdict, and how far those in percent are from the paper. */
static int count_verdicts(json_t *paper) {
    json_int_t counts[VERDICT_KINDS] = {0}, distances = 0;
    double sum = 0, difference;
    size_t i, k;
    const json_t *table, *row;
    json_array_foreach(json_object_get(paper, "tables"), i, table) {
        json_array_foreach(json_object_get(table, "rows"), k, row) {
            for (int v = 0; v < VERDICT_KINDS; v++)
                counts[v] += strcmp(html_get_text(row, "verdict"), verdict_name((verdict)v)) == 0;
            if (strcmp(html_get_text(row, "unit"), "%") != 0 ||
                *html_get_text(row, "paper") == '>' || *html_get_text(row, "paper") == '<' ||
                !html_get(row, "difference", &difference))
                continue;
            sum += fabs(difference);
            distances++;
        }
    }
    json_t *named = json_object();
    int failed = json_object_set_new(paper, "counts", named);
    for (int v = 0; v < VERDICT_KINDS; v++)
        failed |= json_object_set_new(named, verdict_name((verdict)v), json_integer(counts[v]));
    return failed |
           json_object_set_new(paper, "mean_distance",
                               distances ? json_real(sum / (double)distances) : json_null());
}

static td_status make_paper(gatherer *g, const char *path, json_t *paper, td_error *error) {
    static const char *const kept[] = {"paper", "choices", NULL};
    json_t *expectations, *tables = json_array();
    const json_t *table;
    size_t i;
    const char *slash = strrchr(path, '/');
    int failed =
        json_object_set_new(paper, "expectations", tool_json_text(slash ? slash + 1 : path));
    failed |= json_object_set_new(paper, "tables", tables);
    TD_TRY(failed ? td_fail_memory(error, "results") : TD_OK);
    TD_TRY(expect_read(path, &expectations, error));
    td_status status =
        results_keep(paper, expectations, kept) ? td_fail_memory(error, "results") : TD_OK;
    json_array_foreach(json_object_get(expectations, "tables"), i, table) {
        json_t *made = json_object();
        if (status == TD_OK && json_array_append_new(tables, made) != 0)
            status = td_fail_memory(error, "results");
        if (status == TD_OK)
            status = make_table(g, table, made, error);
    }
    json_decref(expectations);
    TD_TRY(status);
    return count_verdicts(paper) ? td_fail_memory(error, "results") : TD_OK;
}

static td_status make_all(gatherer *g, const results_request *request, json_t *root,
                          td_error *error) {
    json_t *papers = json_object_get(root, "papers");
    for (size_t i = 0; i < request->count; i++) {
        json_t *paper = json_object();
        if (json_array_append_new(papers, paper) != 0)
            return td_fail_memory(error, "results");
        TD_TRY(make_paper(g, request->expectations[i], paper, error));
    }
    for (size_t i = 0; i < request->note_count; i++)
        TD_TRY(gather_setting(g, "notes", tool_json_text(request->notes[i]), error));
    TD_TRY(gather_finish(g, error));
    return json_object_set(root, "settings", g->settings) == 0 ? TD_OK
                                                               : td_fail_memory(error, "results");
}

td_status results_make(report *r, const results_request *request, json_t **out, td_error *error) {
    gatherer g = {.r = r, .settings = json_object()};
    *out = json_pack("{ss ss s[]}", "tool", "trapdoor-report", "version", TD_VERSION, "papers");
    td_status status =
        g.settings && *out ? make_all(&g, request, *out, error) : td_fail_memory(error, "results");
    json_decref(g.settings);
    td_arena_free(&g.arena);
    if (status != TD_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
