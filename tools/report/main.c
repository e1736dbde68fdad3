/* trapdoor-report: one HTML page from a folder of records. */
#include "base/file.h"
#include "common/record.h"
#include "report/report.h"
#include <errno.h>
#include <string.h>

typedef struct request {
    tool_common common;
    const char *folder, *title;
    char output[4096]; /* DIR/report.html, without -o */
} request;

enum { KEY_TITLE = TOOL_OPTION_BASE };

static const struct argp_option rows[] = {
    {"title", KEY_TITLE, "T", 0, "The page's title (Trapdoor report: DIR)", 0},
    {0},
};

/* Completes what was not given. */
static void check(request *q, const struct argp_state *state) {
    if (!q->folder)
        tool_misuse(state, "expected DIR, a folder of records, found nothing");
    if (q->common.output)
        return;
    int length = snprintf(q->output, sizeof q->output, "%s/report.html", q->folder);
    if (length < 0 || (size_t)length >= sizeof q->output)
        tool_misuse(state, "expected DIR of at most %zu bytes", sizeof q->output - 20);
    q->common.output = q->output;
}

static error_t parse(int key, char *text, struct argp_state *state) {
    request *q = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &q->common;
        return 0;
    case KEY_TITLE:
        q->title = text;
        return 0;
    case ARGP_KEY_ARG:
        if (q->folder)
            tool_misuse(state, "expected one DIR, found \"%s\" and \"%s\"", q->folder, text);
        q->folder = text;
        /* The names of files begin behind one slash. */
        for (size_t end = strlen(text); end > 1 && text[end - 1] == '/'; end--)
            text[end - 1] = '\0';
        return 0;
    case ARGP_KEY_END:
        check(q, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool to_stdout(const request *q) {
    return strcmp(q->common.output, "-") == 0;
}

/* The page stands in a file of no name until it is whole, so that what it says of its own limits
 * does not depend on where it goes. */
static td_status make_page(report *r, td_error *error) {
    TD_TRY(report_collect(r, error));
    r->out = tmpfile();
    if (!r->out)
        return td_fail(error, TD_ERR_IO, "a temporary file could not be opened");
    TD_TRY(report_page(r, error));
    if (fflush(r->out) != 0 || ferror(r->out))
        return td_fail(error, TD_ERR_IO, "a temporary file could not be written");
    rewind(r->out);
    return TD_OK;
}

static td_status copy(FILE *from, FILE *to, const char *name, td_error *error) {
    char block[1 << 14];
    for (size_t size; (size = fread(block, 1, sizeof block, from)) > 0;)
        if (fwrite(block, 1, size, to) != size)
            return td_fail(error, TD_ERR_IO, "%s: %s", name, strerror(errno));
    return ferror(from) ? td_fail(error, TD_ERR_IO, "a temporary file could not be read") : TD_OK;
}

static td_status record_page(const request *q, const report *r, const td_output *output,
                             td_error *error) {
    const tool_common *common = &q->common;
    const char *slash = strrchr(output->path, '/');
    tool_record record;
    TD_TRY(tool_record_start(&record, "trapdoor-report", common,
                             json_pack("{so so}", "folder", tool_json_text(q->folder), "title",
                                       tool_json_text(r->title)),
                             error));
    td_status status = TD_OK;
    for (size_t i = 0; i < r->record_count && status == TD_OK; i++)
        status = tool_record_input(&record, r->records[i].file.path, error);
    if (status == TD_OK && output->temporary)
        status =
            tool_record_output(&record, slash ? slash + 1 : output->path, output->temporary, error);
    if (status == TD_OK)
        status = tool_record_write(&record, common, error);
    tool_record_free(&record);
    return status;
}

static td_status write_file(const request *q, const report *r, td_error *error) {
    td_output output;
    TD_TRY(td_output_open(&output, q->common.output, q->common.force, error));
    td_status status = copy(r->out, output.stream, q->common.output, error);
    if (status == TD_OK)
        status = td_output_finish(&output, error);
    if (status == TD_OK && q->common.json)
        status = record_page(q, r, &output, error);
    if (status != TD_OK) {
        td_output_discard(&output);
        return status;
    }
    TD_TRY(td_output_publish(&output, error));
    if (!q->common.json || strcmp(q->common.json, "-") != 0)
        printf("%s: records %zu, charts %zu, pictures %zu\n", q->common.output, r->record_count,
               r->plot_count, r->picture_shown);
    return TD_OK;
}

static td_status run(const request *q, report *r, td_error *error) {
    if (!to_stdout(q))
        TD_TRY(td_output_check(q->common.output, q->common.force, error));
    else if (q->common.json)
        return td_fail(error, TD_ERR_USAGE, "--json: expected -o FILE, found -o -");
    TD_TRY(tool_record_check(&q->common, error));
    TD_TRY(make_page(r, error));
    if (!to_stdout(q))
        return write_file(q, r, error);
    return copy(r->out, stdout, "standard output", error);
}

int main(int argc, char **argv) {
    static const struct argp argp = {
        rows,
        parse,
        "DIR",
        "Make one HTML page of a folder of records: what was asked and measured, with charts, heat "
        "maps and pictures. The page stands alone: it opens from disk and fetches nothing.\v"
        "DIR is looked through with the folders in it for records that the tools wrote with "
        "--json, manifests, logs of trapdoor-train (*.log.jsonl), and PNG pictures that are a "
        "record's or lie beside one. Without -o the page is DIR/report.html; -o - writes it to "
        "standard output. Charts are drawn by gnuplot. The same files give the same page, with one "
        "version of gnuplot.\n\n"
        "Limits: 1000 records of 8 MiB each and 256 MiB in all, 400 charts, pictures of 4 MiB and "
        "4096 pixels a side, 500 rows a table, folders 16 deep, a page of about 64 MiB. What is "
        "beyond, or cannot be read, is named on stderr and on the page; the rest is shown.\n\n"
        "Example:\n  trapdoor-report results -o report.html\n",
        tool_common_children,
        NULL,
        NULL};
    request q = {0};
    td_error error;
    char title[512];
    tool_parse(&argp, argc, argv, &q, &q.common);
    snprintf(title, sizeof title, "Trapdoor report: %s", q.folder);
    report r = {.folder = q.folder, .title = q.title ? q.title : title};
    td_status status = run(&q, &r, &error);
    if (r.out)
        fclose(r.out);
    report_free(&r);
    return tool_exit(status, &error);
}
