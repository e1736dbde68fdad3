/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

td_random td_random_for(uint64_t seed, td_purpose purpose, uint32_t epoch, uint32_t index) {
    return (td_random){.seed = seed, .purpose = purpose, .epoch = epoch, .index = index};
}

uint32_t td_random_word(td_random *random) {
    if (random->left == 0) {
        philox4x32_key_t key = {{(uint32_t)random->seed, (uint32_t)(random->seed >> 32)}};
        philox4x32_ctr_t counter = {
            {random->block++, random->index, random->epoch, random->purpose}};
        philox4x32_ctr_t block = philox4x32(counter, key);
        for (int i = 0; i < 4; i++)
            random->word[i] = block.v[i];
        random->left = 4;
    }
    return random->word[4 - random->left--];
}

float td_random_unit(td_random *random) {
    return (float)(td_random_word(random) >> 8) * 0x1p-24f;
}

uint32_t td_random_below(td_random *random, uint32_t bound) {
    /* Lemire's multiply-shift; values whose low part is below 2^32 mod bound would be drawn too
     * often. */
    uint32_t rejected = -bound % bound;
    uint64_t product;
    do
        product = (uint64_t)td_random_word(random) * bound;
    while ((uint32_t)product < rejected);
    return (uint32_t)(product >> 32);
}

float td_random_normal(td_random *random) {
    double radius = 1.0 - td_random_unit(random); /* in (0, 1], so the logarithm is finite */
    double angle = 6.283185307179586 * td_random_unit(random);
    return (float)(sqrt(-2.0 * log(radius)) * cos(angle));
}

void td_random_permutation(td_random *random, uint32_t *order, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = td_random_below(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}
