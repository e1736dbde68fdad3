/* SPDX-License-Identifier: MIT */
/* JPEG pictures. */
#include "fuzz.h"
#include "picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_picture(&td_codec_jpeg, data, size);
    return 0;
}
