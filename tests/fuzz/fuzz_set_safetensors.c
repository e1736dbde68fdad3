/* SPDX-License-Identifier: MIT */
/* A data set in a safetensors file. */
#include "fuzz.h"
#include "set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_set(fuzz_file(data, size), "train");
    return 0;
}
