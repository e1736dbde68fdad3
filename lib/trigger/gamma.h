/* SPDX-License-Identifier: MIT */
/* Internal to lib/trigger: converts pixel values to light and back: light = (value / 255)^gamma. */
#ifndef TD_TRIGGER_GAMMA_H
#define TD_TRIGGER_GAMMA_H

#include <stdint.h>
#include <string.h>

/* The inverse is a table look-up: the exponent and the first 8 fraction bits of the light select a
 * step within which the value rises by at most 1; above[value] decides whether it has. */
enum {
    TD_GAMMA_LOWEST = 80, /* exponent of the first steps in the float format: 2^-47 */
    TD_GAMMA_STEPS = (127 - TD_GAMMA_LOWEST) * 256 + 1, /* the last is that of light 1 */
};

typedef struct td_gamma {
    float light[256];              /* of each value */
    float above[256];              /* the light at which the next value begins */
    uint8_t value[TD_GAMMA_STEPS]; /* at the beginning of each step */
} td_gamma;

/* gamma in [1, 4]. */
void td_gamma_make(td_gamma *out, double gamma);

/* The value, 0–255, perceptually nearest to `light` >= 0. */
static inline uint8_t td_gamma_value(const td_gamma *gamma, float light) {
    uint32_t bits;
    light = light < 1 ? light : 1;
    memcpy(&bits, &light, sizeof bits);
    uint32_t step = bits >> 15, first = TD_GAMMA_LOWEST << 8;
    uint8_t value = gamma->value[step > first ? step - first : 0];
    return (uint8_t)(value + (light >= gamma->above[value]));
}

#endif
