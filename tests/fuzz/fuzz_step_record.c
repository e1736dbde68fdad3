/* SPDX-License-Identifier: MIT */
/* Records of defences, as audit and controls read them to resume. The first byte chooses the
 * method. */
#include "base/json.h"
#include "defend/detect/detect.h"
#include "defend/filter/filter.h"
#include "defend/inspect/findings.h"
#include "fuzz.h"
#include <math.h>
#include <string.h>

static void check_findings(const findings *f) {
    for (size_t i = 0; i < f->count; i++) {
        const finding *one = &f->list[i];
        FUZZ_ASSERT(!one->found || isfinite(one->value));
        FUZZ_ASSERT(one->asr.hits <= one->asr.trials);
        FUZZ_ASSERT(one->map || f->about != FINDING_MAP);
    }
    fuzz_touch(f->statistic.name, strlen(f->statistic.name));
}

static void check_detector(const detect_outcome *o) {
    FUZZ_ASSERT(o);
}

static void check_filter(const filter_outcome *o) {
    FUZZ_ASSERT(o->suspect_count <= o->images);
    for (size_t i = 1; i < o->suspect_count; i++)
        FUZZ_ASSERT(o->suspects[i - 1] < o->suspects[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_arena arena = {0};
    json_t *record;
    const void *outcome;
    if (size == 0 ||
        !fuzz_succeeded(td_json_parse((const char *)data + 1, size - 1, &record, &error), &error))
        return 0;
    switch (*data % 3) {
    case 0:
        if (fuzz_succeeded(findings_read(record, &arena, &outcome, &error), &error))
            check_findings(outcome);
        break;
    case 1:
        if (fuzz_succeeded(detect_read(record, &arena, &outcome, &error), &error))
            check_detector(outcome);
        break;
    default:
        if (fuzz_succeeded(filter_read(record, &arena, &outcome, &error), &error))
            check_filter(outcome);
    }
    td_arena_free(&arena);
    json_decref(record);
    return 0;
}
