/* SPDX-License-Identifier: MIT */
/* Computes results: the expectations, with values from records filled in. */
#include "report/results/results.h"

#include "frame/record.h"
#include "report/html.h"
#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/place.h"
#include "report/results/verdict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A file that matches a pattern. */
typedef struct gathered {
    const report_file *file;
    const char *seed; /* the text matched by the pattern's star */
} gathered;

typedef struct gatherer {
    report *r;
    json_t *settings;  /* distinct values of the records' settings */
    gathered *matches; /* of the last pattern, by seed */
    size_t match_count;
    td_arena arena; /* for the matches and values of one row */
    td_json json;
} gatherer;

static void set(gatherer *g, json_t *object, const char *key, json_t *value) {
    td_json_set(&g->json, object, key, value);
}

/* --- records --- */

/* Seeds are usually numbers: 2 comes before 10. */
static int compare(const void *a, const void *b) {
    const gathered *x = a, *y = b;
    size_t left = strlen(x->seed), right = strlen(y->seed);
    return left != right ? (left < right ? -1 : 1) : strcmp(x->seed, y->seed);
}

/* Adds a value, whose reference it takes, to a list of settings, once; ignores NULL. */
static void add_setting(gatherer *g, const char *key, json_t *value) {
    json_t *list = json_object_get(g->settings, key);
    if (value && !list)
        list = td_json_set(&g->json, g->settings, key, td_json_array(&g->json));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), value)) {
            json_decref(value);
            return;
        }
    if (value)
        td_json_append(&g->json, list, value);
}

/* Fills `matches` with the files below the folder that match the pattern (expect.h). */
static td_status match(gatherer *g, const json_t *pattern, td_error *error) {
    char seed[EXPECT_TEXT], *copy;
    g->match_count = 0;
    td_arena_free(&g->arena);
    TD_TRY(TD_ARENA_NEW(&g->arena, g->r->file_count, &g->matches, "names of records", error));
    for (size_t i = 0; i < g->r->file_count; i++) {
        if (!expect_matches(json_string_value(pattern), g->r->files[i].name, seed))
            continue;
        TD_TRY(td_arena_text(&g->arena, seed, strlen(seed), &copy, error));
        g->matches[g->match_count++] = (gathered){&g->r->files[i], copy};
    }
    if (g->match_count > 1)
        qsort(g->matches, g->match_count, sizeof *g->matches, compare);
    for (size_t i = 0; i < g->match_count && *g->matches[i].seed; i++)
        add_setting(g, "seeds", td_json_text(&g->json, g->matches[i].seed));
    return TD_OK;
}

/* "AMD EPYC, 2 cores" */
static json_t *machine_of(gatherer *g, const json_t *timing) {
    const char *processor = html_get_text(timing, "processor");
    double cores;
    if (!*processor)
        return NULL;
    return html_get(timing, "cores", &cores)
               ? td_json_format(&g->json, "%.200s, %.0f core%s", processor, cores,
                                cores == 1 ? "" : "s")
               : td_json_text(&g->json, processor);
}

static void add_settings(gatherer *g, const json_t *root) {
    const json_t *timing = json_object_get(root, "timing");
    add_setting(g, "versions", json_incref(json_object_get(root, "version")));
    add_setting(g, "blas_cores", json_incref(json_object_get(root, "blas_core")));
    add_setting(g, "machines", machine_of(g, timing));
    add_setting(g, "threads", json_incref(json_object_get(timing, "threads")));
}

/* The record of a match, whose settings are noted; NULL, with the reason, if it is not a record. */
static const json_t *record_of(gatherer *g, const gathered *from, td_error *error) {
    const report *r = g->r;
    const char *name = from->file->name,
               *reason = "expected a record of these tools, found other JSON";
    for (size_t i = 0; i < r->record_all; i++)
        if (strcmp(r->records[i].file.name, name) == 0) {
            add_settings(g, r->records[i].root);
            return r->records[i].root;
        }
    for (size_t i = 0; i < r->trouble_count; i++)
        if (strcmp(r->troubles[i].name, name) == 0)
            reason = r->troubles[i].reason;
    (void)td_fail(error, TD_ERR_FORMAT, "%s", reason);
    return NULL;
}

/* --- figures --- */

static td_status read_number(const json_t *root, const char *path, const take *how, double *number,
                             td_error *error) {
    json_t *values;
    TD_TRY(find_values(root, path, &values, error));
    td_status status = take_number(how, values, number, error);
    json_decref(values);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

/* The value that the row reads from a record, in its unit. */
static td_status read_value(const json_t *row, const json_t *root, double *value, td_error *error) {
    static const take only = {TAKE_ONLY, 0};
    const char *path = html_get_text(row, "value"), *over = html_get_text(row, "over"),
               *text = html_get_text(row, "take");
    take how;
    double divisor = 1;
    TD_TRY(take_parse(&how, *text ? text : "only", error));
    TD_TRY(read_number(root, path, &how, value, error));
    if (*over)
        TD_TRY(read_number(root, over, &only, &divisor, error));
    *value *= (strcmp(html_get_text(row, "unit"), "%") == 0 ? 100 : 1) / divisor;
    return isfinite(*value)
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "%s: expected a finite number", *over ? over : path);
}

/* Sets row["values"] and row["problems"]; outputs the numbers, at most one per match. */
static td_status ask(gatherer *g, json_t *row, double *numbers, size_t *count, td_error *error) {
    td_json *json = &g->json;
    json_t *values = td_json_set(json, row, "values", td_json_array(json)),
           *problems = td_json_set(json, row, "problems", td_json_array(json));
    for (size_t i = 0; i < g->match_count; i++) {
        const gathered *from = &g->matches[i];
        const char *name = from->file->name;
        td_error trouble;
        const json_t *root = record_of(g, from, &trouble);
        const td_status status =
            root ? read_value(row, root, &numbers[*count], &trouble) : TD_ERR_FORMAT;
        const bool none = status == TD_ERR_NUMERIC;
        if (status == TD_ERR_MEMORY)
            return td_fail(error, status, "%s", trouble.message);
        if (status == TD_OK)
            td_json_append(json, values,
                           td_json_pack(json, "{ss ss sf}", "seed", from->seed, "record", name,
                                        "value", numbers[(*count)++]));
        else
            td_json_append(json, problems,
                           td_json_pack(json, "{ss ss sb}", "record", name, "reason",
                                        trouble.message, "none", none));
        if (status != TD_OK && !none)
            report_trouble_add(g->r, name, trouble.message);
    }
    return TD_OK;
}

/* Appends the values of a training's last epochs, in the row's unit, to the spread's values. */
static td_status add_epochs(gatherer *g, const json_t *row, const json_t *root, json_t *all,
                            td_error *error) {
    static const take only = {TAKE_ONLY, 0};
    const double unit = strcmp(html_get_text(row, "unit"), "%") == 0 ? 100 : 1;
    json_t *values;
    td_status status = TD_OK;
    TD_TRY(find_values(root, html_get_text(row, "epoch_value"), &values, error));
    const size_t count = json_array_size(values);
    for (size_t i = count - place_epochs(count); i < count && status == TD_OK; i++) {
        json_t *one = td_json_array(&g->json);
        double number;
        td_json_append(&g->json, one, json_incref(json_array_get(values, i)));
        status = take_number(&only, one, &number, error);
        json_decref(one);
        if (status == TD_OK)
            td_json_append(&g->json, all, td_json_real(&g->json, unit * number));
        if (status == TD_ERR_NUMERIC)
            status = TD_OK; /* null: no such rate after this epoch */
    }
    json_decref(values);
    return status;
}

/* Appends those of all trainings named by the row. */
static td_status ask_epochs(gatherer *g, const json_t *row, json_t *all, td_error *error) {
    TD_TRY(match(g, json_object_get(row, "epochs"), error));
    for (size_t i = 0; i < g->match_count; i++) {
        td_error trouble;
        const json_t *root = record_of(g, &g->matches[i], &trouble);
        const td_status status = root ? add_epochs(g, row, root, all, &trouble) : TD_ERR_FORMAT;
        if (status == TD_ERR_MEMORY)
            return td_fail(error, status, "%s", trouble.message);
        if (status != TD_OK)
            report_trouble_add(g->r, g->matches[i].file->name, trouble.message);
    }
    return TD_OK;
}

/* Sets row["spread"] from the numbers and, if there is a figure, row["place"]. */
static td_status set_spread(gatherer *g, json_t *row, const verdict_figure *figure,
                            const json_t *all, bool epochs, td_error *error) {
    const size_t count = json_array_size(all);
    double *numbers;
    if (count == 0)
        return TD_OK;
    td_arena_free(&g->arena);
    TD_TRY(TD_ARENA_NEW(&g->arena, count, &numbers, "values", error));
    for (size_t i = 0; i < count; i++)
        numbers[i] = json_number_value(json_array_get(all, i));
    const place_spread ours = place_spread_of(numbers, count);
    set(g, row, "spread",
        td_json_pack(&g->json, "{sz sf sf sf sf sb sb}", "values", count, "mean", ours.mean,
                     "deviation", ours.deviation, "least", ours.least, "most", ours.most, "swings",
                     place_swings(&ours) && strcmp(html_get_text(row, "unit"), "%") == 0, "epochs",
                     epochs));
    const place_found p = figure ? place_of(figure, &ours) : (place_found){PLACE_NONE, 0};
    if (p.side == PLACE_NONE)
        return TD_OK;
    set(g, row, "place", td_json_text(&g->json, place_name(p.side)));
    set(g, row, "spreads", td_json_real(&g->json, p.spreads));
    return TD_OK;
}

/* The spread of the row's epochs or, without them, of its own values. */
static td_status spread(gatherer *g, json_t *row, const verdict_figure *figure, td_error *error) {
    json_t *all = td_json_array(&g->json);
    size_t i;
    const json_t *value;
    td_status status = TD_OK;
    if (json_object_get(row, "epochs"))
        status = ask_epochs(g, row, all, error);
    const bool epochs = json_array_size(all) > 0;
    json_array_foreach(epochs ? NULL : json_object_get(row, "values"), i, value)
        td_json_append(&g->json, all, json_incref(json_object_get(value, "value")));
    if (status == TD_OK)
        status = set_spread(g, row, figure, all, epochs, error);
    json_decref(all);
    return status;
}

/* Fills in the row's result (results.h). */
static td_status answer(gatherer *g, json_t *row, td_error *error) {
    const char *printed = json_string_value(json_object_get(row, "paper"));
    double *numbers, mean, deviation, within;
    size_t count = 0;
    verdict_figure figure;
    TD_TRY(match(g, json_object_get(row, "records"), error));
    TD_TRY(TD_ARENA_NEW(&g->arena, g->match_count, &numbers, "values", error));
    if (!html_get(row, "within", &within)) {
        within = strcmp(html_get_text(row, "unit"), "%") == 0 ? 1 : 0;
        set(g, row, "within", td_json_real(&g->json, within));
    }
    TD_TRY(ask(g, row, numbers, &count, error));
    verdict v = count > 0            ? VERDICT_NO_FIGURE
                : g->match_count > 0 ? VERDICT_NO_VALUE
                                     : VERDICT_NOT_RUN;
    if (count > 0) {
        verdict_mean(numbers, count, &mean, &deviation);
        set(g, row, "mean", td_json_real(&g->json, mean));
        set(g, row, "deviation", count > 1 ? td_json_real(&g->json, deviation) : json_null());
    }
    const bool has_figure = printed && verdict_figure_parse(&figure, printed);
    if (has_figure) {
        set(g, row, "paper_value", td_json_real(&g->json, figure.value));
        if (count > 0) {
            set(g, row, "difference", td_json_real(&g->json, mean - figure.value));
            v = verdict_of(&figure, verdict_sense_of(html_get_text(row, "better")), within, mean);
        }
    }
    set(g, row, "verdict", td_json_text(&g->json, verdict_name(v)));
    return spread(g, row, has_figure ? &figure : NULL, error);
}

/* --- lists, matrices, pictures --- */

/* Sets `key` to the first seed's value: a list or a matrix. */
static td_status answer_first(gatherer *g, json_t *entry, const char *key, td_error *error) {
    const char *path = html_get_text(entry, "value");
    json_t *values = NULL;
    td_error trouble;
    TD_TRY(match(g, json_object_get(entry, "records"), error));
    if (g->match_count == 0)
        return TD_OK;
    const char *name = g->matches[0].file->name;
    const json_t *root = record_of(g, &g->matches[0], &trouble);
    td_status status = root ? find_values(root, path, &values, &trouble) : TD_ERR_FORMAT;
    json_t *first = json_array_get(values, 0);
    if (status == TD_OK && (json_array_size(values) != 1 || !json_is_array(first) ||
                            json_array_size(first) > EXPECT_ENTRIES))
        status = td_fail(&trouble, TD_ERR_FORMAT, "%s: expected one list of at most %d", path,
                         EXPECT_ENTRIES);
    if (status == TD_ERR_MEMORY) {
        td_fail(error, status, "%s", trouble.message);
    } else if (status == TD_OK) {
        set(g, entry, "record", td_json_text(&g->json, name));
        set(g, entry, key, json_incref(first));
    } else {
        report_trouble_add(g->r, name, trouble.message);
        set(g, entry, "problem", td_json_text(&g->json, trouble.message));
    }
    json_decref(values);
    return status == TD_ERR_MEMORY ? status : TD_OK;
}

/* Sets `files` to the names that match. */
static td_status answer_pictures(gatherer *g, json_t *entry, td_error *error) {
    const json_t *pattern = json_object_get(entry, "files");
    TD_TRY(match(g, pattern, error));
    json_t *files = td_json_set(&g->json, entry, "files", td_json_array(&g->json));
    for (size_t i = 0; i < g->match_count; i++)
        td_json_append(&g->json, files, td_json_text(&g->json, g->matches[i].file->name));
    return TD_OK;
}

static td_status answer_table(gatherer *g, const json_t *table, td_error *error) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(table, "rows"), i, entry) {
        TD_TRY(answer(g, entry, error));
    }
    json_array_foreach(json_object_get(table, "lists"), i, entry) {
        TD_TRY(answer_first(g, entry, "values", error));
    }
    json_array_foreach(json_object_get(table, "matrices"), i, entry) {
        TD_TRY(answer_first(g, entry, "counts", error));
    }
    json_array_foreach(json_object_get(table, "pictures"), i, entry) {
        TD_TRY(answer_pictures(g, entry, error));
    }
    return TD_OK;
}

/* --- totals --- */

/* Counts rows by verdict, and averages the distance from the paper of those in percent. */
static void count_verdicts(gatherer *g, json_t *paper) {
    json_int_t counts[VERDICT_KINDS] = {0}, distances = 0;
    double sum = 0, difference;
    size_t i, k;
    const json_t *table, *row;
    json_array_foreach(json_object_get(paper, "tables"), i, table) {
        json_array_foreach(json_object_get(table, "rows"), k, row) {
            const char *printed = html_get_text(row, "paper");
            counts[verdict_named(html_get_text(row, "verdict"))]++;
            if (strcmp(html_get_text(row, "unit"), "%") != 0 || *printed == '>' ||
                *printed == '<' || !html_get(row, "difference", &difference))
                continue;
            sum += fabs(difference);
            distances++;
        }
    }
    json_t *named = td_json_set(&g->json, paper, "counts", td_json_object(&g->json));
    for (int v = 0; v < VERDICT_KINDS; v++)
        set(g, named, verdict_name((verdict)v), td_json_integer(&g->json, counts[v]));
    set(g, paper, "mean_distance",
        distances ? td_json_real(&g->json, sum / (double)distances) : json_null());
}

/* Counts rows with a figure by place, and rows that swing. */
static void count_places(gatherer *g, json_t *paper) {
    json_int_t counts[PLACE_SIDES] = {0}, swinging = 0;
    size_t i, k;
    const json_t *table, *row;
    json_array_foreach(json_object_get(paper, "tables"), i, table) {
        json_array_foreach(json_object_get(table, "rows"), k, row) {
            for (int side = PLACE_INSIDE; side < PLACE_SIDES; side++)
                counts[side] +=
                    strcmp(html_get_text(row, "place"), place_name((place_side)side)) == 0;
            swinging += json_is_true(json_object_get(json_object_get(row, "spread"), "swings"));
        }
    }
    set(g, paper, "places",
        td_json_pack(&g->json, "{sI sI sI sI}", "inside", counts[PLACE_INSIDE], "above",
                     counts[PLACE_ABOVE], "below", counts[PLACE_BELOW], "swing", swinging));
}

static td_status add_paper(gatherer *g, const char *path, json_t *papers, td_error *error) {
    json_t *paper;
    const json_t *table;
    size_t i;
    TD_TRY(expect_read(path, &paper, error));
    paper = td_json_append(&g->json, papers, paper);
    set(g, paper, "expectations", td_json_text(&g->json, html_base(path)));
    json_array_foreach(json_object_get(paper, "tables"), i, table) {
        TD_TRY(answer_table(g, table, error));
    }
    count_verdicts(g, paper);
    count_places(g, paper);
    return TD_OK;
}

/* Counts the folder's records and their total seconds. */
static void count_records(gatherer *g) {
    double seconds = 0, one;
    for (size_t i = 0; i < g->r->record_all; i++)
        if (html_get(json_object_get(g->r->records[i].root, "timing"), "seconds", &one))
            seconds += one;
    set(g, g->settings, "records", td_json_count(&g->json, g->r->record_all));
    set(g, g->settings, "seconds", td_json_real(&g->json, seconds));
}

td_status results_make(report *r, const td_many *expectations, const td_many *notes, json_t **out,
                       td_error *error) {
    gatherer g = {.r = r};
    td_json *json = &g.json;
    td_status status = TD_OK;
    *out = td_json_pack(json, "{ss ss}", "tool", "trapdoor-report", "version", TD_VERSION);
    json_t *papers = td_json_set(json, *out, "papers", td_json_array(json));
    g.settings = td_json_set(json, *out, "settings", td_json_object(json));
    for (size_t i = 0; i < notes->count; i++)
        add_setting(&g, "notes", td_json_text(json, notes->texts[i]));
    for (size_t i = 0; i < expectations->count && status == TD_OK; i++)
        status = add_paper(&g, expectations->texts[i], papers, error);
    count_records(&g);
    td_arena_free(&g.arena);
    if (status == TD_OK)
        return td_json_end(json, out, "results", error);
    json_decref(*out);
    *out = NULL;
    return status;
}
