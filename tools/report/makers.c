/* Which record wrote a file, by its checksum. */
#include "report/html.h"
#include "report/report.h"
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    const report_made *x = a, *y = b;
    int order = strcmp(x->digest, y->digest);
    return order ? order : (x->maker > y->maker) - (x->maker < y->maker);
}

td_status report_makers(report *r, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&r->arena, REPORT_FILES, &r->made, "a list of outputs", error));
    for (size_t i = 0; i < r->record_count; i++) {
        size_t k;
        const json_t *output;
        json_array_foreach(json_object_get(r->records[i].root, "outputs"), k, output) {
            const char *digest = html_get_text(output, "sha256");
            if (*digest && r->made_count < REPORT_FILES)
                r->made[r->made_count++] = (report_made){digest, &r->records[i]};
        }
    }
    qsort(r->made, r->made_count, sizeof *r->made, compare);
    return TD_OK;
}

const report_record *report_maker(const report *r, const char *digest) {
    size_t low = 0, high = r->made_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->made[middle].digest, digest) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->made_count && strcmp(r->made[low].digest, digest) == 0 ? r->made[low].maker
                                                                           : NULL;
}
