#include "report/write.h"

#include "base/json.h"
#include "frame/output.h"
#include <errno.h>
#include <string.h>

enum { PAGE, JSON, MARKDOWN, FILES };

/* The page, and with expectations two files beside it. */
typedef struct writing {
    const write_request *q;
    char paths[FILES][4096];
    size_t count;
    td_output outputs[FILES];
    json_t *results;
} writing;

static bool to_stdout(const write_request *q) {
    return strcmp(q->common.output, "-") == 0;
}

/* Where the files stand. */
static td_status place(writing *w, td_error *error) {
    static const char *const names[FILES] = {NULL, "results.json", "results.md"};
    const char *page = w->q->common.output, *slash = strrchr(page, '/');
    int folder = slash ? (int)(slash + 1 - page) : 0;
    w->count = w->q->results.count > 0 ? FILES : 1;
    for (size_t i = 0; i < w->count; i++) {
        int length =
            i == PAGE ? snprintf(w->paths[i], sizeof w->paths[i], "%s", page)
                      : snprintf(w->paths[i], sizeof w->paths[i], "%.*s%s", folder, page, names[i]);
        if (length < 0 || (size_t)length >= sizeof w->paths[i])
            return td_fail(error, TD_ERR_USAGE, "-o: expected a path of at most %zu bytes",
                           sizeof w->paths[i] - 20);
        if (i > PAGE && strcmp(w->paths[i], page) == 0)
            return td_fail(error, TD_ERR_USAGE,
                           "-o: expected another name than %s, which --expect "
                           "writes",
                           names[i]);
        TD_TRY(td_output_check(w->paths[i], w->q->common.force, error));
    }
    return TD_OK;
}

/* The page stands in a file of no name until it is whole, so that what it says of its own limits
 * does not depend on where it goes. */
static td_status make(writing *w, report *r, td_error *error) {
    TD_TRY(report_collect(r, error));
    if (w->q->results.count > 0)
        TD_TRY(results_make(r, &w->q->results, &w->results, error));
    r->results = w->results;
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

static td_status fill(writing *w, size_t i, const report *r, td_error *error) {
    FILE *out = w->outputs[i].stream;
    if (i == PAGE)
        return copy(r->out, out, w->paths[i], error);
    if (i == MARKDOWN) {
        results_markdown(out, w->results);
        return TD_OK; /* a write that failed is seen at the end of the file */
    }
    td_status status = td_json_write(out, w->results, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", w->paths[i]);
}

static td_status record(const writing *w, const report *r, td_error *error) {
    const tool_common *common = &w->q->common;
    tool_record made;
    TD_TRY(tool_record_start(&made, "trapdoor-report", common,
                             json_pack("{so so}", "folder", tool_json_text(r->folder), "title",
                                       tool_json_text(r->title)),
                             error));
    td_status status = TD_OK;
    for (size_t i = 0; i < w->q->results.count && status == TD_OK; i++)
        status = tool_record_input(&made, w->q->results.expectations[i], error);
    for (size_t i = 0; i < r->record_count && status == TD_OK; i++)
        status = tool_record_input(&made, r->records[i].file.path, error);
    for (size_t i = 0; i < w->count && status == TD_OK; i++)
        status = tool_output_record(&w->outputs[i], &made, error);
    if (status == TD_OK)
        status = tool_record_write(&made, common, error);
    tool_record_free(&made);
    return status;
}

static td_status write_files(writing *w, const report *r, td_error *error) {
    for (size_t i = 0; i < w->count; i++) {
        TD_TRY(td_output_open(&w->outputs[i], w->paths[i], w->q->common.force, error));
        TD_TRY(fill(w, i, r, error));
        TD_TRY(td_output_finish(&w->outputs[i], error));
    }
    if (w->q->common.json)
        TD_TRY(record(w, r, error));
    /* results.json last: where it stands, the others do. */
    static const size_t order[FILES] = {PAGE, MARKDOWN, JSON};
    for (size_t i = 0; i < FILES; i++)
        if (order[i] < w->count)
            TD_TRY(td_output_publish(&w->outputs[order[i]], error));
    return TD_OK;
}

static void say(const writing *w, const report *r) {
    const json_t *paper;
    size_t i;
    if (w->q->common.json && strcmp(w->q->common.json, "-") == 0)
        return;
    printf("%s: records %zu, charts %zu, pictures %zu\n", w->paths[PAGE], r->record_count,
           r->plot_count, r->picture_shown);
    json_array_foreach(json_object_get(w->results, "papers"), i, paper) {
        printf("%s: ", json_string_value(json_object_get(paper, "expectations")));
        results_summary(stdout, paper);
        putchar('\n');
    }
}

static td_status check(const write_request *q, td_error *error) {
    if (to_stdout(q) && q->common.json)
        return td_fail(error, TD_ERR_USAGE, "--json: expected -o FILE, found -o -");
    if (to_stdout(q) && q->results.count > 0)
        return td_fail(error, TD_ERR_USAGE, "--expect: expected -o FILE, found -o -");
    return tool_record_check(&q->common, error);
}

td_status write_report(const write_request *q, report *r, td_error *error) {
    writing w = {.q = q};
    td_status status = to_stdout(q) ? TD_OK : place(&w, error);
    if (status == TD_OK)
        status = check(q, error);
    if (status == TD_OK)
        status = make(&w, r, error);
    if (status == TD_OK)
        status = to_stdout(q) ? copy(r->out, stdout, "standard output", error)
                              : write_files(&w, r, error);
    if (status == TD_OK && !to_stdout(q))
        say(&w, r);
    for (size_t i = 0; i < FILES; i++)
        td_output_discard(&w.outputs[i]);
    r->results = NULL;
    json_decref(w.results);
    return status;
}
