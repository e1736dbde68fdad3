/* SPDX-License-Identifier: MIT */
#include "data/difference.h"

#include <stdlib.h>

enum { BRIGHTEST = 255 };

static int draw(int change, td_difference_kind kind, int largest) {
    switch (kind) {
    case TD_DIFFERENCE_TIMES:
        return abs(change) * (BRIGHTEST / largest);
    case TD_DIFFERENCE_STRETCHED:
        return abs(change) * BRIGHTEST / largest;
    case TD_DIFFERENCE_SIGNED:
        return (BRIGHTEST + change * BRIGHTEST / largest) / 2;
    }
    return 0;
}

void td_difference_draw(const uint8_t *a, const uint8_t *b, size_t size, td_difference_kind kind,
                        int largest, uint8_t *out) {
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)draw(b[i] - a[i], kind, largest > 0 ? largest : 1);
}
