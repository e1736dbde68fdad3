/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/sha256.h"
#include <stdlib.h>
#include <string.h>

/* The digests of FIPS 180-4's examples. */
static const char OF_NOTHING[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char OF_ABC[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char OF_MILLION[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void test_of_memory(void **state) {
    (void)state;
    assert_string_equal(td_sha256("", 0).hex, OF_NOTHING);
    assert_string_equal(td_sha256("abc", 3).hex, OF_ABC);
}

static void test_of_files(void **state) {
    (void)state;
    td_digest digest;
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    support_write("million", million, 1000000);
    free(million);
    support_write("empty", "", 0);
    assert_int_equal(td_sha256_file("million", &digest, NULL), TD_OK);
    assert_string_equal(digest.hex, OF_MILLION);
    assert_int_equal(td_sha256_file("empty", &digest, NULL), TD_OK);
    assert_string_equal(digest.hex, OF_NOTHING);
}

static void test_missing_file(void **state) {
    (void)state;
    td_digest digest;
    td_error error;
    assert_int_equal(td_sha256_file("none", &digest, &error), TD_ERR_IO);
    assert_string_equal(error.message, "none: No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_memory),
        IN_FOLDER(test_of_files),
        IN_FOLDER(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
