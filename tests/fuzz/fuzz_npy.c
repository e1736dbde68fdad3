/* SPDX-License-Identifier: MIT */
/* NumPy arrays. */
#include "data/npy.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_npy npy;
    if (!fuzz_succeeded(td_npy_parse(&npy, data, size, &error), &error)) {
        FUZZ_ASSERT(!npy.data && !npy.descr);
        return 0;
    }
    size_t count = 1;
    char shape[TD_NPY_TEXT];
    for (size_t i = 0; i < npy.rank; i++)
        count *= npy.dims[i];
    FUZZ_ASSERT(npy.count == count);
    FUZZ_ASSERT(npy.data + count * npy.size == data + size);
    fuzz_touch(npy.data, count * npy.size);
    FUZZ_ASSERT(*td_npy_shape(&npy, shape) == '(');
    td_npy_close(&npy);
    return 0;
}
