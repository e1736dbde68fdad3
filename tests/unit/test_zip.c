/* SPDX-License-Identifier: MIT */
#include "model/zip.h"

#include "zip_support.h"
#include <stdlib.h>
#include <string.h>

/* --- accepted archives --- */

static td_status read_zip(const zip_bytes *bytes, td_zip *zip, td_arena *arena, td_error *error) {
    return td_zip_read(zip, bytes->bytes, bytes->size, arena, error);
}

static void entries_are_found_where_they_lie(void **state) {
    static const zip_part parts[] = {{"m/data.pkl", "abc", 3},
                                     {"m/data/0", "0123456789", 10, .sizes = true},
                                     {"m/empty", "", 0},
                                     {0}};
    zip_bytes bytes;
    td_zip zip;
    td_arena arena = {0};
    td_error error;
    (void)state;
    zip_make(&bytes, parts);
    assert_true(td_zip_is(bytes.bytes, bytes.size));
    if (read_zip(&bytes, &zip, &arena, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(zip.count, 3);
    assert_null(td_zip_find(&zip, "m/data"));
    td_zip_entry *entry = td_zip_find(&zip, "m/data/0");
    assert_non_null(entry);
    assert_int_equal(entry->size, 10);
    assert_memory_equal(entry->data, "0123456789", 10);
    assert_int_equal(td_zip_check(entry, &error), TD_OK);
    assert_int_equal(td_zip_find(&zip, "m/empty")->size, 0);
    td_arena_free(&arena);
}

/* --- archives on which programs differ --- */

static void assert_bytes_refused(const zip_bytes *bytes, const char *part) {
    td_zip zip;
    td_arena arena = {0};
    td_error error = {""};
    if (read_zip(bytes, &zip, &arena, &error) != TD_ERR_FORMAT)
        fail_msg("expected a refusal with \"%s\"", part);
    support_assert_contains(error.message, part);
    td_arena_free(&arena);
}

static void assert_refused(const zip_part *parts, const char *part) {
    zip_bytes bytes;
    zip_make(&bytes, parts);
    assert_bytes_refused(&bytes, part);
}

#define REFUSED(part, ...) assert_refused((const zip_part[]){__VA_ARGS__, {0}}, part)

/* A scanner looks at one of two data.pkl, a loader at the other. */
static void names_that_occur_twice(void **state) {
    (void)state;
    REFUSED("two of this name", {"m/data.pkl", "abc", 3}, {"m/data.pkl", "abd", 3});
}

static void local_headers_that_differ(void **state) {
    (void)state;
    REFUSED("another name", {"m/data.pkl", "abc", 3, .local_name = "m/evil.pkl"});
    REFUSED("another name", {"m/data.pkl", "abc", 3, .local_name = "m/data.pk"});
    REFUSED("other flags", {"m/data.pkl", "abc", 3, .local_flags = 0x809});
    REFUSED("other flags", {"m/data.pkl", "abc", 3, .local_flags = 0x800});
    REFUSED("other sizes", {"m/data.pkl", "abc", 3, .sizes = true, .crc = 5, .flags = 0x800},
            {"m/x", "abc", 3, .sizes = true, .claimed = 2});
}

static void entries_that_are_hidden(void **state) {
    (void)state;
    REFUSED("belong to no entry", {"m/data.pkl", "abc", 3}, {"m/x", "a", 1, .gap = 5});
    REFUSED("belong to no entry", {"m/data.pkl", "abc", 3, .gap = 1});
    REFUSED("another name", {"m/data.pkl", "abc", 3}, {"m/x", "abc", 3, .again = true});
    REFUSED("overlaps", {"m/data.pkl", "abc", 3}, {"m/data.pkl", "abc", 3, .again = true});
}

static void flags_and_methods(void **state) {
    (void)state;
    REFUSED("encrypted", {"m/data.pkl", "abc", 3, .flags = 0x809});
    REFUSED("encrypted", {"m/data.pkl", "abc", 3, .flags = 0x2808});
    REFUSED("another method", {"m/data.pkl", "abc", 3, .method = 9});
    REFUSED("control characters", {"m/data\n.pkl", "abc", 3});
}

static void sizes_that_lie(void **state) {
    (void)state;
    REFUSED("end after", {"m/data.pkl", "abc", 3, .claimed = 4000});
    REFUSED("end after", {"m/data.pkl", "abc", 3, .claimed = 0xfffffffe});
    REFUSED("64-bit sizes are missing", {"m/data.pkl", "abc", 3, .claimed = 0xffffffff});
    REFUSED("", {"m/data.pkl", "abc", 3, .claimed = 2});
    REFUSED("", {"m/data.pkl", "abc", 3, .claimed = 8});
}

static void what_cannot_be_read_is_not(void **state) {
    static const zip_part parts[] = {
        {"m/a", "abc", 3, .method = 8}, {"m/b", "abc", 3, .crc = 7}, {0}};
    zip_bytes bytes;
    td_zip zip;
    td_arena arena = {0};
    td_error error;
    (void)state;
    zip_make(&bytes, parts);
    if (read_zip(&bytes, &zip, &arena, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_int_equal(td_zip_check(td_zip_find(&zip, "m/a"), &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "deflated");
    assert_int_equal(td_zip_check(td_zip_find(&zip, "m/b"), &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "expected 00000007, found 352441c2");
    td_arena_free(&arena);
}

static void ends_that_are_wrong(void **state) {
    static const zip_part parts[] = {{"m/data.pkl", "abc", 3}, {0}};
    zip_bytes bytes;
    (void)state;
    zip_make(&bytes, parts);
    bytes.size++;
    bytes.bytes[bytes.size - 1] = 0;
    assert_bytes_refused(&bytes, "followed by something");
    for (size_t cut = 0; cut < bytes.size - 1; cut++) {
        zip_bytes part = bytes;
        part.size = cut;
        assert_bytes_refused(&part, "");
    }
    zip_make(&bytes, parts);
    bytes.bytes[bytes.size - 12]++; /* entries */
    assert_bytes_refused(&bytes, "");
    zip_make(&bytes, parts);
    bytes.bytes[bytes.size - 18] = 1; /* disk */
    assert_bytes_refused(&bytes, "one disk");
}

/* Any changed byte of the headers causes a refusal, or does not change the content. */
static void spoiled_bytes_never_crash(void **state) {
    static const zip_part parts[] = {
        {"m/data.pkl", "abc", 3}, {"m/x", "de", 2, .sizes = true}, {0}};
    zip_bytes bytes;
    (void)state;
    zip_make(&bytes, parts);
    for (size_t i = 0; i < bytes.size; i++)
        for (size_t bit = 0; bit < 8; bit++) {
            td_zip zip;
            td_arena arena = {0};
            uint8_t *copy = malloc(bytes.size);
            assert_non_null(copy);
            memcpy(copy, bytes.bytes, bytes.size);
            copy[i] ^= (uint8_t)(1 << bit);
            if (td_zip_read(&zip, copy, bytes.size, &arena, NULL) == TD_OK)
                for (size_t k = 0; k < zip.count; k++)
                    assert_true(zip.entries[k].data + zip.entries[k].packed <= copy + bytes.size);
            td_arena_free(&arena);
            free(copy);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_where_they_lie),
        cmocka_unit_test(names_that_occur_twice),
        cmocka_unit_test(local_headers_that_differ),
        cmocka_unit_test(entries_that_are_hidden),
        cmocka_unit_test(flags_and_methods),
        cmocka_unit_test(sizes_that_lie),
        cmocka_unit_test(what_cannot_be_read_is_not),
        cmocka_unit_test(ends_that_are_wrong),
        cmocka_unit_test(spoiled_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
