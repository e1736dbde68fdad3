/* SPDX-License-Identifier: MIT */
#include "starve.h"
#include "support.h"

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

static void test_any_length(void **state) {
    (void)state;
    td_text text;
    assert_true(td_text_open(&text));
    for (int i = 0; i < 5000; i++)
        fprintf(text.stream, "%d,", i % 10);
    char *bytes = td_text_close(&text);
    assert_non_null(bytes);
    assert_int_equal(strlen(bytes), 10000);
    assert_memory_equal(bytes, "0,1,2,3,4,5,6,7,8,9,0,", 22);
    free(bytes);
}

static void test_no_text(void **state) {
    (void)state;
    td_text text;
    assert_true(td_text_open(&text));
    char *bytes = td_text_close(&text);
    assert_string_equal(bytes, "");
    free(bytes);
}

/* The text lacks a part written while memory ran out, although nobody checked fputs. */
static void test_out_of_memory(void **state) {
    (void)state;
    bool starved = true;
    for (size_t k = 0; starved; k++) {
        td_text text;
        char *bytes = NULL;
        starve_begin(k, false);
        if (td_text_open(&text)) {
            for (int i = 0; i < 5000; i++)
                fputs("0123456789", text.stream);
            bytes = td_text_close(&text);
        }
        starved = starve_end();
        assert_true(bytes ? strlen(bytes) == 50000 : starved);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_length),
        cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
