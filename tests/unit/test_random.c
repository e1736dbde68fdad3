/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/random.h"
#include <math.h>

/* Random123's known answers for philox4x32 of ten rounds (its kat_vectors): counter, key, result.
 */
static const struct {
    uint32_t counter[4], key[2], answer[4];
} KNOWN[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void test_known_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        const uint32_t *counter = KNOWN[i].counter;
        uint64_t seed = (uint64_t)KNOWN[i].key[1] << 32 | KNOWN[i].key[0];
        td_random random = td_random_for(seed, (td_purpose)counter[3], counter[2], counter[1]);
        random.block = counter[0];
        for (int j = 0; j < 4; j++)
            assert_int_equal(td_random_word(&random), KNOWN[i].answer[j]);
    }
}

static void test_draws_do_not_depend_on_their_order(void **state) {
    (void)state;
    enum { STREAMS = 5, DRAWS = 11 };
    uint32_t forward[STREAMS][DRAWS];
    for (uint32_t s = 0; s < STREAMS; s++) {
        td_random random = td_random_for(7, TD_FOR_TEST, 1, s);
        for (int i = 0; i < DRAWS; i++)
            forward[s][i] = td_random_word(&random);
    }
    td_random streams[STREAMS];
    for (uint32_t s = 0; s < STREAMS; s++)
        streams[s] = td_random_for(7, TD_FOR_TEST, 1, s);
    for (int i = 0; i < DRAWS; i++)
        for (uint32_t s = STREAMS; s-- > 0;)
            assert_int_equal(td_random_word(&streams[s]), forward[s][i]);
}

static void test_every_part_of_the_name_counts(void **state) {
    (void)state;
    td_random streams[] = {
        td_random_for(1, TD_FOR_TEST, 0, 0),
        td_random_for(2, TD_FOR_TEST, 0, 0),
        td_random_for(1, TD_FOR_SHUFFLE, 0, 0),
        td_random_for(1, TD_FOR_TEST, 1, 0),
        td_random_for(1, TD_FOR_TEST, 0, 1),
        td_random_for((uint64_t)1 << 32 | 1, TD_FOR_TEST, 0, 0),
    };
    enum { COUNT = sizeof streams / sizeof *streams };
    uint32_t words[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        words[i] = td_random_word(&streams[i]);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(words[i], words[j]);
}

static void test_below_keeps_its_bound(void **state) {
    (void)state;
    const uint32_t bounds[] = {1, 2, 3, 7, 10, 1000, 0x80000001, 0xffffffff};
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
        for (int i = 0; i < 1000; i++)
            assert_true(td_random_below(&random, bounds[b]) < bounds[b]);
}

static void test_below_is_even(void **state) {
    (void)state;
    enum { DRAWS = 70000, BOUND = 7 };
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 1);
    int seen[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++)
        seen[td_random_below(&random, BOUND)]++;
    for (int v = 0; v < BOUND; v++)
        assert_in_range(seen[v], 9600, 10400); /* 10000 ± 4.3 standard deviations */
}

/* Over 3·2^30 values, 2^32 words without rejection would give each third value two words and the
 * others one: half of the draws, not a third, would leave the same rest. */
static void test_below_is_without_bias(void **state) {
    (void)state;
    enum { DRAWS = 30000 };
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 2);
    int rests[3] = {0};
    for (int i = 0; i < DRAWS; i++)
        rests[td_random_below(&random, 3u << 30) % 3]++;
    for (int r = 0; r < 3; r++)
        assert_in_range(rests[r], 9600, 10400);
}

static void test_units_fill_their_interval(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 3);
    double sum = 0, least = 1, most = 0;
    for (int i = 0; i < DRAWS; i++) {
        double unit = td_random_unit(&random);
        assert_true(unit >= 0 && unit < 1);
        sum += unit;
        least = fmin(least, unit);
        most = fmax(most, unit);
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.005);
    assert_true(least < 0.001 && most > 0.999);
}

static void test_normals_have_their_moments(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 4);
    double sum = 0, squares = 0, fourths = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = td_random_normal(&random);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        fourths += x * x * x * x;
    }
    assert_true(fabs(sum / DRAWS) < 0.015);
    assert_true(fabs(squares / DRAWS - 1) < 0.02);
    assert_true(fabs(fourths / DRAWS - 3) < 0.15);
}

static void test_permutations_hold_everything_once(void **state) {
    (void)state;
    const uint32_t counts[] = {0, 1, 2, 1000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        td_random random = td_random_for(1, TD_FOR_SHUFFLE, 0, 0);
        uint32_t order[1000], seen[1000] = {0};
        td_random_permutation(&random, order, counts[c]);
        for (uint32_t i = 0; i < counts[c]; i++) {
            assert_true(order[i] < counts[c]);
            assert_int_equal(seen[order[i]]++, 0);
        }
    }
}

static void test_permutations_are_equally_likely(void **state) {
    (void)state;
    int seen[27] = {0};
    for (uint32_t epoch = 0; epoch < 6000; epoch++) {
        td_random random = td_random_for(1, TD_FOR_SHUFFLE, epoch, 0);
        uint32_t order[3];
        td_random_permutation(&random, order, 3);
        seen[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    const int places[] = {5, 7, 11, 15, 19, 21}; /* 012 021 102 120 201 210 in base 3 */
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[places[i]], 870, 1130); /* 1000 ± 4.5 standard deviations */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_draws_do_not_depend_on_their_order),
        cmocka_unit_test(test_every_part_of_the_name_counts),
        cmocka_unit_test(test_below_keeps_its_bound),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_below_is_without_bias),
        cmocka_unit_test(test_units_fill_their_interval),
        cmocka_unit_test(test_normals_have_their_moments),
        cmocka_unit_test(test_permutations_hold_everything_once),
        cmocka_unit_test(test_permutations_are_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
