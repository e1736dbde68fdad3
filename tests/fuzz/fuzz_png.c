/* SPDX-License-Identifier: MIT */
/* PNG pictures. libpng verifies a checksum of each chunk, which mutation breaks: our mutator
 * usually repairs it. */
#include "fuzz.h"
#include "picture.h"
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_picture(&td_codec_png, data, size);
    return 0;
}

#ifdef TD_FUZZ

enum { SIGNATURE = 8, LENGTH = 4, TYPE = 4, SUM = 4 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

static size_t read_word(const uint8_t *at) {
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static void mend_sums(uint8_t *data, size_t size) {
    for (size_t at = SIGNATURE; at + LENGTH + TYPE + SUM <= size;) {
        size_t length = read_word(data + at);
        if (length > size - at - LENGTH - TYPE - SUM)
            return;
        uint8_t *type = data + at + LENGTH, *sum = type + TYPE + length;
        uLong crc = crc32(0, type, (uInt)(TYPE + length));
        for (int i = 0; i < SUM; i++)
            sum[i] = (uint8_t)(crc >> (24 - 8 * i));
        at += LENGTH + TYPE + length + SUM;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 8 != 0)
        mend_sums(data, size);
    return size;
}

#endif
