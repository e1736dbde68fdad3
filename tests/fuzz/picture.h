/* SPDX-License-Identifier: MIT */
/* What must hold of a decoded picture. */
#ifndef TESTS_FUZZ_PICTURE_H
#define TESTS_FUZZ_PICTURE_H

#include "data/picture.h"

/* Decodes by the codec, which may refuse. A picture has all of its pixels; written as PNG, it is
 * read again as it was. */
void fuzz_picture(const td_codec *codec, const uint8_t *data, size_t size);

#endif
