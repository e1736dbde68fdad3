/* SPDX-License-Identifier: MIT */
#include "trigger/gamma.h"

#include <math.h>

void td_gamma_make(td_gamma *out, double gamma) {
    for (int value = 0; value < 256; value++) {
        out->light[value] = (float)pow(value / 255.0, gamma);
        out->above[value] = value < 255 ? (float)pow((value + .5) / 255, gamma) : INFINITY;
    }
    unsigned value = 0;
    for (uint32_t step = 0; step < TD_GAMMA_STEPS; step++) {
        uint32_t bits = (step + (TD_GAMMA_LOWEST << 8)) << 15;
        float light;
        memcpy(&light, &bits, sizeof light);
        while (light >= out->above[value])
            value++;
        out->value[step] = (uint8_t)value;
    }
}
