/* SPDX-License-Identifier: MIT */
/* TIFF pictures. */
#include "fuzz.h"
#include "picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_picture(&td_codec_tiff, data, size);
    return 0;
}
