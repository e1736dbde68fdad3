/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "measure/entropy.h"

#include "support.h"

#include <math.h>

/* Four equal answers: 2 bits. A sure one: 0, since 0·log2 0 is 0. (1/2, 1/4, 1/8, 1/8):
 * 1/2·1 + 1/4·2 + 2·1/8·3 = 1.75. */
static void entropy_worked_by_hand(void **state) {
    (void)state;
    static const float even[] = {.25F, .25F, .25F, .25F}, sure[] = {0, 1, 0, 0},
                       halves[] = {.5F, .25F, .125F, .125F};
    assert_true(td_entropy(even, 4) == 2);
    assert_true(td_entropy(sure, 4) == 0 && !signbit(td_entropy(sure, 4)));
    assert_true(td_entropy(halves, 4) == 1.75);
    assert_true(td_entropy(even, 0) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(entropy_worked_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
