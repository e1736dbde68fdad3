/* From expectations and records to results. */
#include "report/results/results.h"

#include "base/file.h"
#include "base/json.h"
#include "frame/record.h"
#include "report/html.h"
#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/verdict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A file that a pattern matches. */
typedef struct gathered {
    const report_file *file;
    const char *seed; /* what stands for the pattern's star */
} gathered;

typedef struct gatherer {
    report *r;
    json_t *settings;  /* lists of what the records say, each thing once */
    gathered *matches; /* of the last pattern, by seed */
    size_t match_count;
    td_arena arena; /* matches and values of one row */
} gatherer;

/* --- records --- */

/* Seeds are numbers mostly: 2 comes before 10. */
static int compare(const void *a, const void *b) {
    const gathered *x = a, *y = b;
    size_t left = strlen(x->seed), right = strlen(y->seed);
    return left != right ? (left < right ? -1 : 1) : strcmp(x->seed, y->seed);
}

/* Adds a value, which is stolen, to a list of settings, once. */
static td_status gather_setting(gatherer *g, const char *list, json_t *value, td_error *error) {
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

/* Fills `matches` with the files below the folder that match the pattern (expect.h). */
static td_status gather_matches(gatherer *g, const char *pattern, td_error *error) {
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

/* Reads a record and notes its settings. TD_ERR_FORMAT if it is none. The caller owns *root. */
static td_status gather_open(gatherer *g, const gathered *match, json_t **root, td_error *error) {
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

/* Adds how many records the folder has and the seconds that they took. */
static td_status gather_finish(gatherer *g, td_error *error) {
    double seconds = 0, one;
    for (size_t i = 0; i < g->r->record_count; i++)
        if (html_get(json_object_get(g->r->records[i].root, "timing"), "seconds", &one))
            seconds += one;
    int failed =
        json_object_set_new(g->settings, "records", json_integer((json_int_t)g->r->record_count));
    failed |= json_object_set_new(g->settings, "seconds", json_real(seconds));
    return failed ? td_fail_memory(error, "results") : TD_OK;
}

/* --- figures --- */

/* Copies the fields that stand as they are, `keys` up to NULL. Nonzero when out of memory. */
static int keep(json_t *to, const json_t *from, const char *const *keys) {
    int failed = 0;
    for (; *keys; keys++)
        if (json_object_get(from, *keys))
            failed |= json_object_set(to, *keys, json_object_get(from, *keys));
    return failed;
}

static double number_of(const json_t *table, const json_t *row, const char *key, double other) {
    const json_t *value = expect_field(table, row, key);
    return value ? json_number_value(value) : other;
}

static verdict_sense sense_of(const char *better) {
    return strcmp(better, "larger") == 0    ? SENSE_LARGER
           : strcmp(better, "smaller") == 0 ? SENSE_SMALLER
                                            : SENSE_NEAR;
}

/* One row's question. */
typedef struct question {
    const char *records, *value, *over, *unit;
    take how;
    double within;
} question;

static question question_of(const json_t *table, const json_t *row) {
    question q = {.records = expect_text(table, row, "records", ""),
                  .value = expect_text(table, row, "value", ""),
                  .over = expect_text(table, row, "over", NULL),
                  .unit = expect_text(table, row, "unit", "")};
    if (take_parse(&q.how, expect_text(table, row, "take", "only"), NULL) != TD_OK)
        q.how = (take){0};
    q.within = number_of(table, row, "within", strcmp(q.unit, "%") == 0 ? 1 : 0);
    return q;
}

static td_status find_number(const json_t *root, const char *path, const take *how, double *number,
                             td_error *error) {
    json_t *values;
    TD_TRY(find_values(root, path, &values, error));
    td_status status = take_number(how, values, number, error);
    if (status != TD_OK)
        td_fail_within(error, status, "%s", path);
    json_decref(values);
    return status;
}

static td_status read_value(const question *q, const json_t *root, double *value, td_error *error) {
    static const take only = {TAKE_ONLY, 0};
    double divisor = 1;
    TD_TRY(find_number(root, q->value, &q->how, value, error));
    if (q->over)
        TD_TRY(find_number(root, q->over, &only, &divisor, error));
    *value *= (strcmp(q->unit, "%") == 0 ? 100 : 1) / divisor;
    return isfinite(*value) ? TD_OK
                            : td_fail(error, TD_ERR_FORMAT, "%s: expected a finite number",
                                      q->over ? q->over : q->value);
}

/* Fills row["values"] and row["problems"]; the numbers, at most as many as there are matches. */
static td_status ask(gatherer *g, const question *q, json_t *row, double *numbers, size_t *count,
                     td_error *error) {
    json_t *values = json_array(), *problems = json_array();
    *count = 0;
    int failed =
        json_object_set_new(row, "values", values) | json_object_set_new(row, "problems", problems);
    for (size_t i = 0; i < g->match_count && !failed; i++) {
        const gathered *match = &g->matches[i];
        td_error trouble;
        json_t *root = NULL;
        td_status status = gather_open(g, match, &root, &trouble);
        if (status == TD_OK)
            status = read_value(q, root, &numbers[*count], &trouble);
        json_decref(root);
        if (status == TD_ERR_MEMORY)
            return td_fail(error, status, "%s", trouble.message);
        if (status != TD_OK) {
            if (status != TD_ERR_NUMERIC)
                report_trouble_add(g->r, match->file->name, trouble.message);
            failed = json_array_append_new(
                problems, json_pack("{so ss sb}", "record", tool_json_text(match->file->name),
                                    "reason", trouble.message, "none", status == TD_ERR_NUMERIC));
            continue;
        }
        failed = json_array_append_new(
            values, json_pack("{so so sf}", "seed", tool_json_text(match->seed), "record",
                              tool_json_text(match->file->name), "value", numbers[*count]));
        (*count)++;
    }
    return failed ? td_fail_memory(error, "results") : TD_OK;
}

/* Mean, difference and verdict. */
static int judge(json_t *row, const question *q, const char *printed, const char *better,
                 const double *numbers, size_t count, bool any) {
    verdict_figure figure;
    verdict v = any ? VERDICT_NO_VALUE : VERDICT_NOT_RUN;
    double mean, deviation;
    bool has_figure = printed && verdict_figure_parse(&figure, printed);
    int failed = 0;
    if (has_figure)
        failed |= json_object_set_new(row, "paper_value", json_real(figure.value));
    if (count > 0) {
        verdict_mean(numbers, count, &mean, &deviation);
        failed |= json_object_set_new(row, "mean", json_real(mean));
        failed |=
            json_object_set_new(row, "deviation", count > 1 ? json_real(deviation) : json_null());
        v = VERDICT_NO_FIGURE;
    }
    if (count > 0 && has_figure) {
        failed |= json_object_set_new(row, "difference", json_real(mean - figure.value));
        v = verdict_of(&figure, sense_of(better), q->within, mean);
    }
    return failed | json_object_set_new(row, "verdict", json_string(verdict_name(v)));
}

/* Fills `row` (results.h) with what `asked`, a row of a table of expectations, asks for. */
static td_status make_row(gatherer *g, const json_t *table, const json_t *asked, json_t *row,
                          td_error *error) {
    static const char *const kept[] = {"name", "column", "paper", "series", "x", NULL};
    const question q = question_of(table, asked);
    const char *better = expect_text(table, asked, "better", "near");
    double *numbers;
    size_t count;
    TD_TRY(gather_matches(g, q.records, error));
    TD_TRY(TD_ARENA_NEW(&g->arena, g->match_count, &numbers, "values", error));
    int failed = keep(row, asked, kept);
    failed |= json_object_set_new(row, "unit", json_string(q.unit));
    if (json_is_string(json_object_get(asked, "paper")))
        failed |= json_object_set_new(row, "better", json_string(better));
    failed |= json_object_set_new(row, "within", json_real(q.within));
    failed |= json_object_set_new(row, "records", json_string(q.records));
    failed |= json_object_set_new(row, "value", json_string(q.value));
    if (failed)
        return td_fail_memory(error, "results");
    TD_TRY(ask(g, &q, row, numbers, &count, error));
    failed = judge(row, &q, json_string_value(json_object_get(asked, "paper")), better, numbers,
                   count, g->match_count > 0);
    return failed ? td_fail_memory(error, "results") : TD_OK;
}

/* --- what is no figure --- */

/* The value of the first seed's record, whatever it is: a list or a matrix. */
static td_status make_first(gatherer *g, const json_t *asked, json_t *entry, const char *key,
                            td_error *error) {
    static const char *const kept[] = {"name", "paper", "target", NULL};
    const char *path = json_string_value(json_object_get(asked, "value"));
    json_t *root = NULL, *values = NULL;
    td_error trouble;
    if (keep(entry, asked, kept))
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
    if (keep(to, table, kept))
        return td_fail_memory(error, "results");
    TD_TRY(make_entries(g, table, to, "rows", make_row, error));
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
    td_status status = keep(paper, expectations, kept) ? td_fail_memory(error, "results") : TD_OK;
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

static td_status make_all(gatherer *g, const td_many *expectations, const td_many *notes,
                          json_t *root, td_error *error) {
    json_t *papers = json_object_get(root, "papers");
    for (size_t i = 0; i < expectations->count; i++) {
        json_t *paper = json_object();
        if (json_array_append_new(papers, paper) != 0)
            return td_fail_memory(error, "results");
        TD_TRY(make_paper(g, expectations->texts[i], paper, error));
    }
    for (size_t i = 0; i < notes->count; i++)
        TD_TRY(gather_setting(g, "notes", tool_json_text(notes->texts[i]), error));
    TD_TRY(gather_finish(g, error));
    return json_object_set(root, "settings", g->settings) == 0 ? TD_OK
                                                               : td_fail_memory(error, "results");
}

td_status results_make(report *r, const td_many *expectations, const td_many *notes, json_t **out,
                       td_error *error) {
    gatherer g = {.r = r, .settings = json_object()};
    *out = json_pack("{ss ss s[]}", "tool", "trapdoor-report", "version", TD_VERSION, "papers");
    td_status status = g.settings && *out ? make_all(&g, expectations, notes, *out, error)
                                          : td_fail_memory(error, "results");
    json_decref(g.settings);
    td_arena_free(&g.arena);
    if (status != TD_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
