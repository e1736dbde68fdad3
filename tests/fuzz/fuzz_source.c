/* SPDX-License-Identifier: MIT */
/* Files of any kind passed as a model: declared tensors can be read completely. PyTorch's older
 * container has no checksums, so fuzzing reaches its tensors. */
#include "fuzz.h"
#include "model/floats.h"
#include "model/source.h"
#include <math.h>
#include <string.h>

enum { MOST_NUMBERS = 1 << 12 };

static void check_tensor(const td_source *source, const td_tensor *tensor) {
    float numbers[MOST_NUMBERS];
    td_error error = {""};
    size_t count = 1;
    FUZZ_ASSERT(td_source_find(source, tensor->name) == tensor);
    FUZZ_ASSERT(tensor->rank <= TD_TENSOR_RANK && tensor->dtype < TD_DTYPES);
    for (size_t i = 0; i < tensor->rank; i++)
        count *= tensor->dims[i];
    FUZZ_ASSERT(count == tensor->count);
    if (count > MOST_NUMBERS || !fuzz_succeeded(td_tensor_floats(tensor, numbers, &error), &error))
        return;
    for (size_t i = 0; i < count; i++)
        FUZZ_ASSERT(isfinite(numbers[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_source source;
    if (fuzz_succeeded(td_source_open(&source, fuzz_file(data, size), &error), &error)) {
        FUZZ_ASSERT(source.kind && *source.kind);
        for (size_t i = 0; i < source.tensor_count; i++)
            check_tensor(&source, &source.tensors[i]);
        for (size_t i = 0; i < source.note_count; i++)
            FUZZ_ASSERT(source.notes[i]);
    }
    td_source_close(&source);
    return 0;
}
