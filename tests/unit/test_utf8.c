/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/utf8.h"

static void test_valid(void **state) {
    (void)state;
    const char *const texts[] = {"",
                                 "plain\x7f\x01",
                                 "\xc2\x80\xdf\xbf",
                                 "\xe0\xa0\x80",
                                 "\xed\x9f\xbf",
                                 "\xee\x80\x80",
                                 "\xef\xbf\xbf",
                                 "\xf0\x90\x80\x80",
                                 "\xf4\x8f\xbf\xbf",
                                 "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_true(td_utf8_is_valid(texts[i]));
}

static void test_invalid(void **state) {
    (void)state;
    const char *const texts[] = {"\x80",
                                 "\xc3",
                                 "\xc3(",
                                 "\xc0\x80",
                                 "\xc1\xbf",
                                 "\xe0\x9f\xbf",
                                 "\xed\xa0\x80",
                                 "\xed\xbf\xbf",
                                 "\xe2\x82",
                                 "\xf0\x8f\xbf\xbf",
                                 "\xf0\x90\x80",
                                 "\xf4\x90\x80\x80",
                                 "\xf5\x80\x80\x80",
                                 "a\xff",
                                 "\xfe"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(td_utf8_is_valid(texts[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid),
                                       cmocka_unit_test(test_invalid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
