/* SPDX-License-Identifier: MIT */
/* A folder of records, processed as by trapdoor-report except for gnuplot's charts. The input is
 * one file; a record and a picture are beside it. */
#include "fuzz.h"
#include "report/chart.h"
#include "report/report.h"
#include <string.h>

td_status __wrap_gnuplot_run(FILE *script, FILE *drawings, td_error *error);

td_status __wrap_gnuplot_run(FILE *script, FILE *drawings, td_error *error) {
    (void)script, (void)drawings;
    return td_fail(error, TD_ERR_USAGE, "gnuplot is not asked");
}

static const char record[] = "{\"tool\": \"trapdoor-train\", \"version\": \"0\", \"options\": {}, "
                             "\"outputs\": [{\"file\": \"m.safetensors\", \"sha256\": \"0\"}]}";

/* What a record says comes into the page as text: there is one script, the page's own. */
static void check_page(const char *text) {
    size_t scripts = 0;
    for (const char *at = strstr(text, "<script"); at; at = strstr(at + 1, "<script"))
        scripts++;
    FUZZ_ASSERT(scripts == 1);
}

static void make(void) {
    td_error error = {""};
    report r = {.folder = fuzz_folder(), .title = "a title", .quiet = true};
    if (fuzz_succeeded(report_collect(&r, &error), &error)) {
        fuzz_output page;
        fuzz_output_open(&page);
        r.out = page.stream;
        fuzz_expect(report_page(&r, NULL, NULL, &error), &error);
        fuzz_output_close(&page);
        r.out = NULL;
        check_page(page.bytes);
        fuzz_output_free(&page);
    }
    report_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_folder_clear();
    FUZZ_ASSERT(fuzz_folder_write("train.json", (const uint8_t *)record, sizeof record - 1));
    FUZZ_ASSERT(fuzz_folder_write("p.png", (const uint8_t *)"\x89PNG", 4));
    FUZZ_ASSERT(fuzz_folder_write(size % 2 ? "r.json" : "r.log.jsonl", data, size));
    make();
    return 0;
}
