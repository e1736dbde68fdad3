/* trapdoor-report: one HTML page from a folder of records. */
#include "report/results/expect.h"
#include "report/results/verdict.h"
#include "report/write.h"
#include <stdlib.h>
#include <string.h>

typedef struct request {
    write_request write;
    const char *folder, *title;
    char output[4096]; /* DIR/report.html, without -o */
} request;

enum { KEY_TITLE = TOOL_OPTION_BASE, KEY_EXPECT, KEY_NOTE };

static const struct argp_option rows[] = {
    {"title", KEY_TITLE, "T", 0, "The page's title (Trapdoor report: DIR)", 0},
    {"expect", KEY_EXPECT, "FILE", 0,
     "Put a paper's figures, which FILE names, beside what the records say; may be repeated", 0},
    {"note", KEY_NOTE, "TEXT", 0,
     "With --expect: tell this of the run, such as its scale; may be repeated", 0},
    {0},
};

/* Completes what was not given. */
static void check(request *q, const struct argp_state *state) {
    if (!q->folder)
        tool_misuse(state, "expected DIR, a folder of records, found nothing");
    if (q->write.results.note_count > 0 && q->write.results.count == 0)
        tool_misuse(state, "--note: expected --expect FILE with it, found none");
    if (q->write.common.output)
        return;
    int length = snprintf(q->output, sizeof q->output, "%s/report.html", q->folder);
    if (length < 0 || (size_t)length >= sizeof q->output)
        tool_misuse(state, "expected DIR of at most %zu bytes", sizeof q->output - 20);
    q->write.common.output = q->output;
}

static error_t parse(int key, char *text, struct argp_state *state) {
    request *q = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &q->write.common;
        return 0;
    case KEY_TITLE:
        q->title = text;
        return 0;
    case KEY_EXPECT:
        if (q->write.results.count == EXPECT_FILES)
            tool_misuse(state, "--expect: expected at most %d, found more", EXPECT_FILES);
        q->write.results.expectations[q->write.results.count++] = text;
        return 0;
    case KEY_NOTE:
        if (q->write.results.note_count == EXPECT_FILES)
            tool_misuse(state, "--note: expected at most %d, found more", EXPECT_FILES);
        q->write.results.notes[q->write.results.note_count++] = text;
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

static void print_rule(FILE *stream) {
    fprintf(stream, "%s\n", verdict_rule);
}

static char *help_filter(int key, const char *text, void *input) {
    (void)input;
    return tool_help_list(key, text, "Verdicts of --expect", print_rule);
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
        "With --expect, results.json and results.md are written beside the page: every figure of "
        "the paper, ours as the mean over the seeds with its standard deviation, the difference "
        "and a verdict; the page begins with them. FILE is described in "
        "tools/report/results/expect.h; tools/recipes has one for each paper.\n\n"
        "Examples:\n  trapdoor-report results -o report.html\n"
        "  trapdoor-report out --expect tools/recipes/friendnet.expect.json --force\n",
        tool_common_children,
        help_filter,
        NULL};
    request q = {0};
    td_error error;
    char title[512];
    tool_parse(&argp, argc, argv, &q, &q.write.common);
    snprintf(title, sizeof title, "Trapdoor report: %s", q.folder);
    report r = {.folder = q.folder, .title = q.title ? q.title : title};
    td_status status = write_report(&q.write, &r, &error);
    if (r.out)
        fclose(r.out);
    report_free(&r);
    return tool_exit(status, &error);
}
