/* SPDX-License-Identifier: MIT */
/* trapdoor-report: one HTML page from a folder of records. */
#include "base/json.h"
#include "base/text.h"
#include "data/path.h"
#include "frame/command.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/matrix/matrix.h"
#include "report/results/expect.h"
#include "report/results/place.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *folder, *title;
    td_many expect, notes;
    bool matrix;
} settings;

#define AT(field) offsetof(settings, field)

static const td_key keys[] = {
    {"folder", TD_KEY_TEXT, AT(folder), .argument = true, .required = true, .value = "DIR",
     .expected = "a folder of records"},
    {"title", TD_KEY_TEXT, AT(title), .value = "T",
     .help = "The page's title, not \"Trapdoor report: DIR\""},
    {"expect", TD_KEY_TEXT, AT(expect), .many = true, .value = "FILE",
     .help = "Compare with the paper's figures in FILE; may be repeated"},
    {"matrix", TD_KEY_FLAG, AT(matrix),
     .help = "Begin with a leaderboard of the records DIR/ATTACK/SEED/DEFENCE.json"},
    {"note", TD_KEY_TEXT, AT(notes), .many = true, .value = "TEXT",
     .help = "Print TEXT, such as the run's scale, with the paper's figures or the leaderboard; "
             "may be repeated"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* Whether to write results.json and results.md beside the page. */
static bool has_results(const settings *s) {
    return s->matrix || s->expect.count > 0;
}

static td_status check(const tool_settings *all, void *family, td_error *error) {
    const settings *s = family;
    const bool printed = all->common.output && strcmp(all->common.output, "-") == 0;
    if (s->expect.count > EXPECT_FILES || s->notes.count > EXPECT_FILES)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at most %d, found more",
                       s->expect.count > EXPECT_FILES ? "--expect" : "--note", EXPECT_FILES);
    if (printed && (all->common.json || has_results(s)))
        return td_fail(error, TD_ERR_USAGE, "%s: expected -o FILE, found -o -",
                       all->common.json ? "--json"
                       : s->matrix      ? "--matrix"
                                        : "--expect");
    if (s->matrix && s->expect.count > 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--matrix: expected it without --expect, which writes the same files");
    if (s->notes.count > 0 && !has_results(s))
        return td_fail(error, TD_ERR_USAGE, "--note: expected --expect or --matrix with it");
    return TD_OK;
}

/* --- the files --- */

static const char matrix_name[] = "leaderboard.svg";

/* The page, with two more files for expectations, three for --matrix. */
typedef struct writing {
    tool_run *run;
    const settings *settings;
    report r;
    json_t *results; /* of expectations, or the matrix's */
    matrix matrix;   /* empty without --matrix */
    const char *page, *markdown, *json, *picture;
} writing;

/* The path of NAME beside the page. */
static td_status place(const writing *w, const char *name, const char **out, td_error *error) {
    const int folder = (int)(html_base(w->page) - w->page);
    TD_TRY(tool_run_text(w->run, out, error, "%.*s%s", folder, w->page, name));
    if (strcmp(*out, w->page) == 0)
        return td_fail(error, TD_ERR_USAGE, "-o: expected another name than %s, which %s writes",
                       name, w->settings->matrix ? "--matrix" : "--expect");
    return tool_outputs_check(&w->run->outputs, *out, error);
}

/* Sets the files' paths; refuses existing files before the work. */
static td_status place_all(writing *w, td_error *error) {
    w->page = w->run->common->output; /* which is checked */
    if (!w->page) {
        TD_TRY(tool_run_text(w->run, &w->page, error, "%s/report.html", w->r.folder));
        TD_TRY(tool_outputs_check(&w->run->outputs, w->page, error));
    }
    if (!has_results(w->settings))
        return TD_OK;
    if (w->settings->matrix)
        TD_TRY(place(w, matrix_name, &w->picture, error));
    TD_TRY(place(w, "results.json", &w->json, error));
    return place(w, "results.md", &w->markdown, error);
}

static td_status write_page(writing *w, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&w->run->outputs, w->page, &stream, error));
    TD_TRY(
        chart_fill_page(&w->r, stream, strcmp(w->page, "-") ? w->page : "standard output", error));
    return tool_outputs_finish(&w->run->outputs, &w->run->record, error);
}

static td_status write_picture(writing *w, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&w->run->outputs, w->picture, &stream, error));
    matrix_picture(stream, &w->matrix);
    return tool_outputs_finish(&w->run->outputs, &w->run->record, error);
}

/* results.json comes last: if it exists, the others do too. */
static td_status write_results(writing *w, td_error *error) {
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&w->run->outputs, w->markdown, &stream, error));
    if (w->settings->matrix)
        matrix_markdown(stream, &w->matrix, w->r.title, matrix_name, &w->settings->notes);
    else
        TD_TRY(results_markdown(stream, w->results, error));
    TD_TRY(tool_outputs_finish(&w->run->outputs, &w->run->record, error));
    TD_TRY(tool_outputs_add_path(&w->run->outputs, w->json, &stream, error));
    TD_TRY(td_name_stream(error, td_json_write(stream, w->results, error), stream, w->json));
    return tool_outputs_finish(&w->run->outputs, &w->run->record, error);
}

static td_status make_results(writing *w, td_error *error) {
    const td_many *expect = &w->settings->expect;
    tool_record *record = &w->run->record;
    if (w->settings->matrix) {
        TD_TRY(matrix_make(&w->r, &w->matrix, error));
        return matrix_json(&w->matrix, &w->settings->notes, &w->results, error);
    }
    if (expect->count == 0)
        return TD_OK;
    for (size_t i = 0; i < expect->count; i++)
        TD_TRY(tool_record_input(record, expect->texts[i], error));
    TD_TRY(results_make(&w->r, expect, &w->settings->notes, &w->results, error));
    for (size_t i = 0; i < expect->count; i++)
        TD_TRY(tool_record_was_read(record, expect->texts[i], error));
    return TD_OK;
}

static td_status record_inputs(writing *w, td_error *error) {
    for (size_t i = 0; i < w->r.record_all; i++)
        TD_TRY(tool_record_digested(&w->run->record, w->r.records[i].file.path,
                                    &w->r.records[i].digest, error));
    return TD_OK;
}

/* --- printed output --- */

/* A summary, and a line of verdicts for each paper. */
static td_status summarize(writing *w, td_error *error) {
    td_text text;
    size_t i;
    const json_t *paper;
    if (!td_text_open(&text))
        return td_fail_memory(error, "the summary");
    fprintf(text.stream, "%s: records %zu, charts %zu, pictures %zu", w->page, w->r.record_count,
            w->r.chart_count, w->r.picture_shown);
    json_array_foreach(json_object_get(w->results, "papers"), i, paper) {
        fprintf(text.stream, "\n%s: ", html_get_text(paper, "expectations"));
        results_summary(text.stream, paper);
    }
    char *bytes = td_text_close(&text);
    tool_run_set(w->run, "summary", "s", bytes);
    free(bytes);
    return tool_record_check(&w->run->record, error);
}

/* The page is built in memory, so that its remarks about its own limits
 * do not depend on its destination. */
static td_status make(writing *w, td_error *error) {
    if (td_path_is_folder(w->r.folder)) /* for another failure, the walk's message */
        TD_TRY(place_all(w, error));
    TD_TRY(report_collect(&w->r, error));
    TD_TRY(make_results(w, error));
    TD_TRY(report_memory(&w->r.out, error));
    TD_TRY(report_page(&w->r, w->results, w->settings->matrix ? &w->matrix : NULL, error));
    TD_TRY(report_check(&w->r, error));
    errno = 0;
    if (fflush(w->r.out) != 0 || ferror(w->r.out))
        return td_fail_memory(error, "the page");
    TD_TRY(write_page(w, error));
    if (w->settings->matrix)
        TD_TRY(write_picture(w, error));
    if (w->results)
        TD_TRY(write_results(w, error));
    TD_TRY(record_inputs(w, error));
    return summarize(w, error);
}

static td_status run(tool_run *run, td_error *error) {
    const settings *s = run->family;
    int length = (int)strlen(s->folder);
    writing *w;
    /* File names begin after a single slash. */
    while (length > 1 && s->folder[length - 1] == '/')
        length--;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &w, "the report", error));
    *w = (writing){
        .run = run, .settings = s, .r = {.title = s->title, .quiet = tool_run_is_quiet(run)}};
    TD_TRY(tool_run_text(run, &w->r.folder, error, "%.*s", length, s->folder));
    if (!s->title)
        TD_TRY(tool_run_text(run, &w->r.title, error, "Trapdoor report: %s", w->r.folder));
    td_status status = make(w, error);
    report_free(&w->r);
    matrix_free(&w->matrix);
    json_decref(w->results);
    return status;
}

static const tool_family reports = {.name = "report",
                                    .usage = "DIR",
                                    .groups = groups,
                                    .size = sizeof(settings),
                                    .check = check,
                                    .run = run,
                                    .output = TOOL_OUTPUT_FILE,
                                    .output_what = "where to write the page"};

static const char help[] =
    "Make one HTML page of a folder of records: what was planted, found and removed, then "
    "settings and results, with charts, heat maps and pictures. The page stands alone: it opens "
    "from disk and fetches nothing."
    "\v"
    "It reads, in DIR and the folders in it, records that the tools wrote with --json, manifests, "
    "logs of trapdoor-train (*.log.jsonl), and PNG pictures that are a record's or lie beside "
    "one. Without -o the page is DIR/report.html; -o - writes it to standard output. A record "
    "describes its tables in its field tables; without one, every list of objects is a table. "
    "gnuplot draws the charts. The same files give the same page, with one version of gnuplot.\n"
    "\n"
    "Limits: 1000 records of 8 MiB each and 256 MiB in all, 400 charts, pictures of 4 MiB and "
    "4096 pixels a side, 500 rows a table, folders 16 deep, a page of about 64 MiB. stderr and "
    "the page name whatever is beyond or broken, and the rest is shown. A file that the system "
    "does not let it read is a failure.\n"
    "\n"
    "--expect also writes results.json and results.md: every figure of the paper, ours as the mean "
    "over the seeds with its standard deviation, the difference and a verdict. "
    "tools/report/results/expect.h describes FILE; tools/recipes has one for each paper.\n"
    "\n"
    "--matrix ranks the defences of each kind over the attacks, and also writes results.json, "
    "results.md and leaderboard.svg. ATTACK clean is none; DEFENCE none is trapdoor-eval's record "
    "of the model as it is. tools/recipes/matrix.mk makes such records.\n"
    "\n"
    "Verdicts of --expect:\n" VERDICT_RULE "\n" PLACE_RULE "\n\n"
    "Examples:\n  trapdoor-report results -o report.html\n"
    "  trapdoor-report out --expect tools/recipes/friendnet.expect.json --force\n";

static const tool_method report_method = {.title = "Report", .help = help, .family = &reports};

static const tool_method *const methods[] = {&report_method, NULL};

int main(int argc, char **argv) {
    static const tool_program program = {.name = "trapdoor-report", .methods = methods};
    return tool_main(&program, argc, argv);
}
