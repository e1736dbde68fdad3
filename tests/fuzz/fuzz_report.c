/* SPDX-License-Identifier: MIT */
/* A folder of records, processed as by trapdoor-report except for gnuplot's charts. The input is
 * one file; a record and a picture are beside it. */
#include "fuzz.h"
#include "report/chart.h"
#include "report/report.h"
#include <string.h>

td_status __wrap_gnuplot_run(FILE *script, char folder[64], td_error *error);

td_status __wrap_gnuplot_run(FILE *script, char folder[64], td_error *error) {
    (void)script;
    *folder = '\0';
    return td_fail(error, TD_ERR_USAGE, "gnuplot is not asked");
}

static const char record[] = "{\"tool\": \"trapdoor-train\", \"version\": \"0\", \"options\": {}, "
                             "\"outputs\": [{\"file\": \"m.safetensors\", \"sha256\": \"0\"}]}";

/* Content of records becomes text on the page: the only script is the page's own. */
static void check_page(FILE *page) {
    static char text[1 << 20];
    size_t scripts = 0;
    rewind(page);
    const size_t size = fread(text, 1, sizeof text - 1, page);
    text[size] = '\0';
    for (const char *at = strstr(text, "<script"); at; at = strstr(at + 1, "<script"))
        scripts++;
    FUZZ_ASSERT(scripts == 1);
}

static void make(void) {
    td_error error = {""};
    report r = {.folder = fuzz_folder(), .title = "a title", .quiet = true};
    if (fuzz_succeeded(report_collect(&r, &error), &error)) {
        r.out = tmpfile();
        FUZZ_ASSERT(r.out);
        fuzz_expect(report_page(&r, NULL, NULL, &error), &error);
        FUZZ_ASSERT(fflush(r.out) == 0);
        check_page(r.out);
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
