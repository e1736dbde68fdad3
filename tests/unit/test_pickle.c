/* SPDX-License-Identifier: MIT */
#include "data/pickle.h"

#include "model/torch.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A pickle as a literal, which may hold zeros. */
#define PICKLE(text) (const uint8_t *)(text), sizeof(text) - 1

static void read_good(const uint8_t *bytes, size_t size, td_pickle *pickle, td_arena *arena) {
    td_error error;
    if (td_pickle_read(pickle, bytes, size, &td_torch_pickles, arena, &error) != TD_OK)
        fail_msg("%s", error.message);
}

static const td_pickle_value *root(const td_pickle *pickle) {
    return &pickle->values[pickle->root];
}

static void plain_values(void **state) {
    td_pickle p;
    td_arena arena = {0};
    (void)state;
    /* (None, True, -2, 200, 70000, -3 as LONG1, 0.5, 'ab', 'c') */
    read_good(PICKLE("\x80\x02(N\x88J\xfe\xff\xff\xffK\xc8J\x70\x11\x01\0\x8a\x01\xfd"
                     "G\x3f\xe0\0\0\0\0\0\0X\x02\0\0\0abU\x01"
                     "ct.trailing"),
              &p, &arena);
    const td_pickle_value *tuple = root(&p);
    assert_int_equal(tuple->kind, TD_PICKLE_TUPLE);
    assert_int_equal(tuple->list.count, 9);
    assert_int_equal(td_pickle_item(&p, tuple, 0)->kind, TD_PICKLE_NONE);
    assert_int_equal(td_pickle_item(&p, tuple, 1)->integer, 1);
    static const int64_t numbers[] = {-2, 200, 70000, -3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(td_pickle_item(&p, tuple, 2 + i)->integer, numbers[i]);
    assert_true(td_pickle_item(&p, tuple, 6)->real == 0.5);
    assert_true(td_pickle_is_text(td_pickle_item(&p, tuple, 7), "ab"));
    assert_false(td_pickle_is_text(td_pickle_item(&p, tuple, 7), "a"));
    assert_true(td_pickle_is_text(td_pickle_item(&p, tuple, 8), "c"));
    assert_int_equal(p.size, 41);
    td_arena_free(&arena);
}

static void dictionaries_and_memo(void **state) {
    td_pickle p;
    td_arena arena = {0};
    (void)state;
    /* {'a': [1, 2], 'b': the same list}, then 'a' again: 3 */
    read_good(PICKLE("\x80\x02}q\0(U\x01"
                     "a]q\x01(K\1K\2eU\x01"
                     "bh\1uU\x01"
                     "aK\3s."),
              &p, &arena);
    assert_int_equal(td_pickle_get(&p, root(&p), "a")->integer, 3);
    const td_pickle_value *list = td_pickle_get(&p, root(&p), "b");
    assert_int_equal(list->kind, TD_PICKLE_LIST);
    assert_int_equal(list->list.count, 2);
    assert_null(td_pickle_get(&p, root(&p), "c"));
    assert_null(td_pickle_get(&p, list, "c"));
    td_arena_free(&arena);
}

/* What Python 2 wrote: OrderedDict([['a', 1]]); and protocol 4's way to name things. */
static void calls_that_are_known(void **state) {
    td_pickle p;
    td_arena arena = {0};
    (void)state;
    read_good(PICKLE("\x80\x02"
                     "ccollections\nOrderedDict\n(]](U\1aK\1eatR."),
              &p, &arena);
    assert_int_equal(td_pickle_get(&p, root(&p), "a")->integer, 1);
    td_arena_free(&arena);
    read_good(PICKLE("\x80\x04\x95\x2f\0\0\0\0\0\0\0\x8c\x0c"
                     "torch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93\x94N\x85\x94R\x94."
                     "0123"),
              &p, &arena);
    assert_int_equal(root(&p)->kind, TD_PICKLE_CALL);
    assert_true(td_pickle_is_global(&p.values[root(&p)->what], "torch._utils _rebuild_tensor_v2"));
    td_arena_free(&arena);
}

static void objects_are_names_with_a_state(void **state) {
    td_pickle p;
    td_arena arena = {0};
    (void)state;
    read_good(PICKLE("\x80\x02"
                     "c__main__\nNet\n)\x81}U\1aK\7sb."),
              &p, &arena);
    assert_int_equal(root(&p)->kind, TD_PICKLE_OBJECT);
    assert_true(td_pickle_is_global(&p.values[root(&p)->what], "__main__ Net"));
    assert_int_equal(td_pickle_get(&p, &p.values[root(&p)->inner], "a")->integer, 7);
    td_arena_free(&arena);
}

/* --- refusals --- */

static void assert_refused(const uint8_t *bytes, size_t size, const char *part) {
    td_pickle p;
    td_arena arena = {0};
    td_error error = {""};
    uint8_t *copy = malloc(size); /* exactly, so that a read past it is seen */
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    if (td_pickle_read(&p, copy, size, &td_torch_pickles, &arena, &error) != TD_ERR_FORMAT)
        fail_msg("expected a refusal with \"%s\"", part);
    support_assert_contains(error.message, part);
    td_arena_free(&arena);
    free(copy);
}

/* Ways to run code that have got past scanners: aliases of a function, nested modules, names
 * assembled from the memo, and calls without REDUCE. */
static void calls_are_refused_by_name(void **state) {
    static const struct {
        const char *name, *words;
    } names[] = {
        {"posix\nsystem", "posix.system"},
        {"nt\nsystem", "nt.system"},
        {"builtins\neval", "builtins.eval"},
        {"__builtin__\nexec", "__builtin__.exec"},
        {"pip\nmain", "pip.main"},
        {"timeit\ntimeit", "timeit.timeit"},
        {"asyncio.unix_events\n_UnixSubprocessTransport._start",
         "asyncio.unix_events._UnixSubprocessTransport._start"},
        {"numpy.testing._private.utils\nrunstring", "numpy.testing._private.utils.runstring"},
        {"torch.serialization\nload", "torch.serialization.load"},
        {"torch._utils\n_rebuild_tensor_v2.__globals__", "_rebuild_tensor_v2.__globals__"},
        {"functools\npartial", "functools.partial"},
        {"collections\nOrderedDict.update", "collections.OrderedDict.update"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const int size = snprintf(text, sizeof text,
                                  "\x80\x02"
                                  "c%s\nU\2id\x85R.",
                                  names[i].name);
        assert_refused((const uint8_t *)text, (size_t)size, names[i].words);
    }
    assert_refused(PICKLE("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\2id\x85R."),
                   "byte 23: the file calls posix.system");
    assert_refused(PICKLE("\x80\x04\x8c\x05posix\x94\x8c\x06system\x94h\0h\1\x93\x8c\2id\x85R."),
                   "calls posix.system");
}

static void opcodes_that_call(void **state) {
    (void)state;
    assert_refused(PICKLE("\x80\x02(U\2idiposix\nsystem\n."), "opcode INST");
    assert_refused(PICKLE("\x80\x02(cposix\nsystem\nU\2ido."), "opcode OBJ");
    assert_refused(PICKLE("\x80\x04"
                          "cposix\nsystem\n)}\x92."),
                   "opcode NEWOBJ_EX");
    assert_refused(PICKLE("\x80\x02\x82\x01."), "opcode EXT");
    assert_refused(PICKLE("\x80\x02P1\n."), "0x50"); /* PERSID */
    assert_refused(PICKLE("\x80\x00."), "protocol");
    assert_refused(PICKLE("cos\nsystem\n(S'id'\ntR."), "0x53"); /* protocol 0 */
}

/* CVE-2026-24747: items added to something that is not a dictionary. And states set on values
 * without one. */
static void containers_of_another_kind(void **state) {
    (void)state;
    assert_refused(PICKLE("\x80\x02]U\1aK\1s."), "expected a dictionary");
    assert_refused(PICKLE("\x80\x02)(U\1aK\1u."), "expected a dictionary");
    assert_refused(PICKLE("\x80\x02"
                          "ctorch._utils\n_rebuild_tensor_v2\n)R(U\1aK\1u."),
                   "expected a dictionary");
    assert_refused(PICKLE("\x80\x02}K\1a."), "expected a list");
    assert_refused(PICKLE("\x80\x02](K\1\x90."), "expected a set");
    assert_refused(PICKLE("\x80\x02}(U\1au."), "a key without");
    assert_refused(PICKLE("\x80\x02"
                          "ctorch._utils\n_rebuild_tensor_v2\n)R}b."),
                   "to give a state to");
    assert_refused(PICKLE("\x80\x02"
                          "c__main__\nNet\n)\x81}b}b."),
                   "without a state");
    assert_refused(PICKLE("\x80\x02}K\1b."), "to give a state to");
    assert_refused(PICKLE("\x80\x02K\1)R."), "a function by its name");
    assert_refused(PICKLE("\x80\x02"
                          "ccollections\nOrderedDict\n]R."),
                   "with a tuple");
    assert_refused(PICKLE("\x80\x02"
                          "ccollections\nOrderedDict\n(]K\1atR."),
                   "made of pairs");
    assert_refused(PICKLE("\x80\x02K\1)\x81."), "a class by its name");
}

static void stacks_and_memos(void **state) {
    (void)state;
    assert_refused(PICKLE("\x80\x02."), "on the stack");
    assert_refused(PICKLE("\x80\x02K\1(\x85t."), "on the stack"); /* below the mark */
    assert_refused(PICKLE("\x80\x02t."), "a mark");
    assert_refused(PICKLE("\x80\x02K\1K\2."), "one value at the end");
    assert_refused(PICKLE("\x80\x02h\1."), "in the memo");
    assert_refused(PICKLE("\x80\x02K\1r\xff\xff\xff\x7f."), "of the memo");
    assert_refused(PICKLE("\x80\x02q\0."), "on the stack");
    assert_refused(PICKLE("\x80\x02\x80\x02N."), "at the beginning");
    uint8_t marks[2048] = "\x80\x02";
    memset(marks + 2, '(', sizeof marks - 2);
    assert_refused(marks, sizeof marks, "at most 1024");
}

/* A list of 4096 items, and 5000 sets of it. */
static void containers_made_of_one_list(void **state) {
    enum { ITEMS = 4096, SETS = 5000 };
    static uint8_t bytes[64 + ITEMS + 5 * SETS];
    static const char head[] = "\x80\x02"
                               "c__builtin__\nset\nq\0](";
    size_t size = sizeof head - 1;
    (void)state;
    memcpy(bytes, head, size);
    for (size_t i = 0; i < ITEMS; i++)
        bytes[size++] = 'N';
    memcpy(bytes + size, "e\x85q\1", 4);
    size += 4;
    for (size_t i = 0; i < SETS; i++) {
        memcpy(bytes + size, "h\0h\1R", 5);
        size += 5;
    }
    assert_refused(bytes, size, "at most 16 million items");
}

/* A truncated pickle has already run its first part in other readers. */
static void pickles_that_are_cut(void **state) {
    static const char whole[] = "\x80\x02}(U\1aJ\1\2\3\4X\2\0\0\0bc\x8a\2\3\4G\0\0\0\0\0\0\0\0u.";
    (void)state;
    for (size_t size = 0; size < sizeof whole - 1; size++)
        assert_refused((const uint8_t *)whole, size, "byte ");
    assert_refused(PICKLE("\x80\x02X\xff\xff\xff\xff"), "more bytes");
    assert_refused(PICKLE("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN."), "a frame");
    assert_refused(PICKLE("\x80\x02"
                          "cposix\nsystem"),
                   "ends with a line");
    assert_refused(PICKLE("\x80\x02"
                          "cpo\x1bsix\nsystem\n."),
                   "control characters");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values),
        cmocka_unit_test(dictionaries_and_memo),
        cmocka_unit_test(calls_that_are_known),
        cmocka_unit_test(objects_are_names_with_a_state),
        cmocka_unit_test(calls_are_refused_by_name),
        cmocka_unit_test(opcodes_that_call),
        cmocka_unit_test(containers_of_another_kind),
        cmocka_unit_test(stacks_and_memos),
        cmocka_unit_test(containers_made_of_one_list),
        cmocka_unit_test(pickles_that_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
