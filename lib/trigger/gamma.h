/* SPDX-License-Identifier: MIT */
/* Inside lib/trigger: pixel values as light, and back: light = (value / 255)^gamma. */
#ifndef TD_TRIGGER_GAMMA_H
#define TD_TRIGGER_GAMMA_H

#include <stdint.h>
#include <string.h>

/* The way back is a look-up: by its exponent and first 8 bits of fraction, light falls into a step
 * within which the value rises by at most 1, and above[value] says whether it has. */
enum {
    TD_GAMMA_LOWEST = 80, /* exponent, as floats have it, of the first steps: 2^-47 */
    TD_GAMMA_STEPS = (127 - TD_GAMMA_LOWEST) * 256 + 1, /* the last is that of light 1 */
};

typedef struct td_gamma {
    float light[256];              /* of each value */
    float above[256];              /* the light from which on the value is higher */
    uint8_t value[TD_GAMMA_STEPS]; /* at the beginning of each step */
} td_gamma;

/* gamma in [1, 4]. */
void td_gamma_make(td_gamma *out, double gamma);

/* The value, 0–255, nearest to `light` >= 0 as it is seen. */
static inline uint8_t td_gamma_value(const td_gamma *gamma, float light) {
    uint32_t bits;
    light = light < 1 ? light : 1;
    memcpy(&bits, &light, sizeof bits);
    uint32_t step = bits >> 15, first = TD_GAMMA_LOWEST << 8;
    uint8_t value = gamma->value[step > first ? step - first : 0];
    return (uint8_t)(value + (light >= gamma->above[value]));
}

#endif
