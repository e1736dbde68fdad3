/* SPDX-License-Identifier: MIT */
/* NumPy's archives. */
#include "base/parallel.h"
#include "fuzz.h"
#include "set.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[512];
    FUZZ_ASSERT(fuzz_folder_write("a.npz", data, size));
    snprintf(path, sizeof path, "%s/a.npz", fuzz_folder());
    td_set_threads(1);
    fuzz_set(path, "train");
    fuzz_set(path, "test");
    return 0;
}
