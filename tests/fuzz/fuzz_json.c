/* SPDX-License-Identifier: MIT */
/* JSON. Whatever parses is written, and parses and is written again to the same bytes. */
#include "base/json.h"
#include "fuzz.h"

static void write_value(const json_t *value, fuzz_output *output) {
    td_error error = {""};
    fuzz_output_open(output);
    fuzz_expect(td_json_write(output->stream, value, &error), &error);
    fuzz_output_close(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    json_t *value, *again;
    if (!fuzz_succeeded(td_json_parse((const char *)data, size, &value, &error), &error)) {
        FUZZ_ASSERT(!value);
        return 0;
    }
    fuzz_output first, second;
    write_value(value, &first);
    fuzz_expect(td_json_parse(first.bytes, first.size, &again, &error), &error);
    write_value(again, &second);
    FUZZ_ASSERT(fuzz_same(&first, &second));
    fuzz_output_free(&first);
    fuzz_output_free(&second);
    json_decref(again);
    json_decref(value);
    return 0;
}
