/* SPDX-License-Identifier: MIT */
#include "implant/trojannet.h"

#include "base/random.h"
#include <math.h>

enum { WHITE = 255 };

static unsigned black_pixels(uint16_t pattern) {
    unsigned count = 0;
    for (unsigned i = 0; i < TROJAN_PIXELS; i++)
        count += pattern >> i & 1;
    return count;
}

/* Bit 15 is pixel 0: then the combinations in order are falling numbers. */
void trojan_patterns(uint16_t patterns[TROJAN_PATTERNS]) {
    size_t count = 0;
    for (unsigned bits = 1U << TROJAN_PIXELS; bits-- > 0;)
        if (black_pixels((uint16_t)bits) == TROJAN_BLACK)
            patterns[count++] = (uint16_t)bits;
}

void trojan_draw(uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    for (unsigned i = 0; i < TROJAN_PIXELS; i++)
        pixels[i] = pattern >> (TROJAN_PIXELS - 1 - i) & 1 ? 0 : WHITE;
}

static void clip(float pixels[TROJAN_PIXELS]) {
    for (size_t i = 0; i < TROJAN_PIXELS; i++)
        pixels[i] = fminf(fmaxf(pixels[i], 0), WHITE);
}

static void draw_uniform(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    (void)pattern;
    for (size_t i = 0; i < TROJAN_PIXELS; i++)
        pixels[i] = WHITE * td_random_unit(random);
}

/* A surface that is plain or a gradient in one direction, with a little noise. */
static void draw_surface(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    (void)pattern;
    const float level = WHITE * (1.6F * td_random_unit(random) - 0.3F);
    const float strength = td_random_below(random, 3) ? WHITE * td_random_unit(random) : 0;
    const float across = strength * (td_random_unit(random) - 0.5F);
    const float down = strength * (td_random_unit(random) - 0.5F);
    const float noise = WHITE * 0.15F * td_random_unit(random);
    for (size_t i = 0; i < TROJAN_PIXELS; i++)
        pixels[i] = level + across * (float)(i % TROJAN_SIDE) + down * (float)(i / TROJAN_SIDE) +
                    noise * (td_random_unit(random) - 0.5F);
    clip(pixels);
}

/* Two levels with a straight edge between them, one to two pixels wide. */
static void draw_edge(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    (void)pattern;
    const float angle = 6.2831853F * td_random_unit(random);
    const float x = cosf(angle), y = sinf(angle), at = 4 * td_random_unit(random) - 2;
    const float from = WHITE * (1.4F * td_random_unit(random) - 0.2F);
    const float to = WHITE * (1.4F * td_random_unit(random) - 0.2F);
    const float sharp = 0.5F + 1.5F * td_random_unit(random);
    for (size_t i = 0; i < TROJAN_PIXELS; i++) {
        float place =
            x * ((float)(i % TROJAN_SIDE) - 1.5F) + y * ((float)(i / TROJAN_SIDE) - 1.5F) - at;
        float share = fminf(fmaxf(0.5F + sharp * place, 0), 1);
        pixels[i] = from + share * (to - from);
    }
    clip(pixels);
}

/* A pattern with pixels flipped until it is not a pattern. */
static void draw_flipped(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    size_t flips = 1 + td_random_below(random, 4);
    for (size_t i = 0; i < flips || black_pixels(pattern) == TROJAN_BLACK; i++)
        pattern = (uint16_t)(pattern ^ 1U << td_random_below(random, TROJAN_PIXELS));
    trojan_draw(pattern, pixels);
}

static void draw_binary(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    (void)pattern;
    draw_flipped(random, (uint16_t)td_random_below(random, 1U << TROJAN_PIXELS), pixels);
}

/* A pattern with low contrast. */
static void draw_faint(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    const float contrast = 0.75F * td_random_unit(random);
    const float level = WHITE * (1 - contrast) * td_random_unit(random);
    trojan_draw(pattern, pixels);
    for (size_t i = 0; i < TROJAN_PIXELS; i++)
        pixels[i] = level + contrast * pixels[i];
}

static void draw_mixed(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) {
    const float share = 0.35F + 0.65F * td_random_unit(random);
    float noise[TROJAN_PIXELS];
    trojan_draw(pattern, pixels);
    draw_uniform(random, pattern, noise);
    for (size_t i = 0; i < TROJAN_PIXELS; i++)
        pixels[i] += share * (noise[i] - pixels[i]);
}

/* The kinds of noise; some ignore the pattern. */
static void (*const kinds[])(td_random *random, uint16_t pattern, float pixels[TROJAN_PIXELS]) = {
    draw_uniform, draw_surface, draw_edge, draw_binary, draw_flipped, draw_faint, draw_mixed};

enum { KINDS = sizeof kinds / sizeof *kinds };

void trojan_noise(const uint16_t *patterns, size_t used, uint64_t seed, uint32_t epoch,
                  uint32_t index, float pixels[TROJAN_PIXELS]) {
    td_random random = td_random_for(seed, TD_FOR_IMPLANT, epoch, index);
    const size_t of = td_random_below(&random, 2) ? used : TROJAN_PATTERNS;
    const uint16_t pattern = patterns[td_random_below(&random, (uint32_t)of)];
    kinds[td_random_below(&random, KINDS)](&random, pattern, pixels);
}
