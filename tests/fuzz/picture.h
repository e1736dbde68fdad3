/* SPDX-License-Identifier: MIT */
/* Properties of a decoded picture. */
#ifndef TESTS_FUZZ_PICTURE_H
#define TESTS_FUZZ_PICTURE_H

#include "data/picture.h"

/* Decodes with the codec, which may refuse. A picture has all of its pixels; written as PNG, it
 * reads back unchanged. */
void fuzz_picture(const td_codec *codec, const uint8_t *data, size_t size);

#endif
