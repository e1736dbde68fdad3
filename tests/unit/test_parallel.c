/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/parallel.h"
#include "base/parallel_try.h"
#include "base/random.h"
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ITEMS = 1000, MOST_THREADS = 3 };

typedef struct visits {
    size_t chunk_size, count;
    unsigned char item[MOST_ITEMS], chunk[MOST_ITEMS];
    unsigned char busy[MOST_THREADS];
    int wrong; /* set where a chunk was not as promised */
} visits;

static void visit(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    visits *seen = context;
    size_t rest = seen->count - begin;
    if (thread >= td_threads() || __atomic_exchange_n(&seen->busy[thread], 1, __ATOMIC_ACQ_REL) ||
        begin != chunk * seen->chunk_size ||
        end - begin != (rest < seen->chunk_size ? rest : seen->chunk_size))
        __atomic_store_n(&seen->wrong, 1, __ATOMIC_RELAXED);
    for (size_t i = begin; i < end; i++)
        __atomic_add_fetch(&seen->item[i], 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seen->chunk[chunk], 1, __ATOMIC_RELAXED);
    __atomic_store_n(&seen->busy[thread], 0, __ATOMIC_RELEASE);
}

static void assert_covered(size_t count, size_t chunk_size) {
    visits seen = {.chunk_size = chunk_size, .count = count};
    td_parallel_for(count, chunk_size, visit, &seen);
    assert_int_equal(seen.wrong, 0);
    for (size_t i = 0; i < MOST_ITEMS; i++) {
        assert_int_equal(seen.item[i], i < count);
        assert_int_equal(seen.chunk[i], i < td_chunks(count, chunk_size));
    }
}

static void visit_one(void *context, size_t index) {
    visits *seen = context;
    const size_t thread = td_thread();
    if (thread >= td_threads() || __atomic_exchange_n(&seen->busy[thread], 1, __ATOMIC_ACQ_REL))
        __atomic_store_n(&seen->wrong, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seen->item[index], 1, __ATOMIC_RELAXED);
    __atomic_store_n(&seen->busy[thread], 0, __ATOMIC_RELEASE);
}

static void assert_each_covers(size_t count) {
    visits seen = {0};
    td_parallel_each(count, visit_one, &seen);
    assert_int_equal(seen.wrong, 0);
    for (size_t i = 0; i < MOST_ITEMS; i++)
        assert_int_equal(seen.item[i], i < count);
}

static void test_every_item_once(void **state) {
    (void)state;
    for (size_t threads = 1; threads <= MOST_THREADS; threads++) {
        td_set_threads(threads);
        assert_int_equal(td_threads(), threads);
        assert_covered(0, 8);
        assert_covered(1, 8);
        assert_covered(8, 8);
        assert_covered(MOST_ITEMS - 1, 8);
        assert_covered(MOST_ITEMS, 1);
        assert_covered(MOST_ITEMS, MOST_ITEMS + 1);
        assert_each_covers(0);
        assert_each_covers(1);
        assert_each_covers(MOST_ITEMS);
    }
}

/* Whether a loop within a claimed chunk runs only on the chunk's thread. */
static void claim(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    visits inner = {.chunk_size = 3, .count = 10}, *seen = context;
    (void)chunk;
    if (td_threads() != 1 || td_thread() != 0 || thread >= MOST_THREADS ||
        __atomic_exchange_n(&seen->busy[thread], 1, __ATOMIC_ACQ_REL))
        __atomic_store_n(&seen->wrong, 1, __ATOMIC_RELAXED);
    td_parallel_for(inner.count, inner.chunk_size, visit, &inner);
    td_parallel_each(inner.count, visit_one, &inner);
    for (size_t i = 0; i < inner.count; i++)
        if (inner.wrong || inner.item[i] != 2)
            __atomic_store_n(&seen->wrong, 1, __ATOMIC_RELAXED);
    for (size_t i = begin; i < end; i++)
        __atomic_add_fetch(&seen->item[i], 1, __ATOMIC_RELAXED);
    __atomic_store_n(&seen->busy[thread], 0, __ATOMIC_RELEASE);
}

static void test_claimed_chunks_are_done_by_one_thread(void **state) {
    (void)state;
    for (size_t threads = 1; threads <= MOST_THREADS; threads++) {
        visits seen = {0};
        td_set_threads(threads);
        td_parallel_claim(MOST_ITEMS - 1, 8, claim, &seen);
        td_parallel_claim(0, 8, claim, &seen);
        assert_int_equal(seen.wrong, 0);
        for (size_t i = 0; i < MOST_ITEMS; i++)
            assert_int_equal(seen.item[i], i < MOST_ITEMS - 1);
        assert_int_equal(td_threads(), threads); /* as before */
    }
}

static void test_zero_threads_is_one_per_core(void **state) {
    (void)state;
    td_set_threads(0);
    assert_true(td_threads() >= 1);
}

static void test_chunks(void **state) {
    (void)state;
    assert_int_equal(td_chunks(0, 4), 0);
    assert_int_equal(td_chunks(4, 4), 1);
    assert_int_equal(td_chunks(5, 4), 2);
}

/* Items that are multiples of `context` fail. */
static td_status fail_multiples(void *context, size_t index, td_error *error) {
    const size_t *step = context;
    return index > 0 && index % *step == 0 ? td_fail(error, TD_ERR_FORMAT, "item %zu", index)
                                           : TD_OK;
}

static void test_the_first_failure_is_told(void **state) {
    (void)state;
    for (size_t threads = 1; threads <= MOST_THREADS; threads++) {
        td_error error = {""};
        size_t step = 37;
        td_set_threads(threads);
        assert_int_equal(td_parallel_try(MOST_ITEMS, 4, fail_multiples, &step, &error),
                         TD_ERR_FORMAT);
        assert_string_equal(error.message, "item 37");
        assert_int_equal(td_parallel_try(37, 4, fail_multiples, &step, &error), TD_OK);
        assert_int_equal(td_parallel_try(0, 4, fail_multiples, &step, &error), TD_OK);
    }
}

/* Large enough that OpenBLAS would use threads if it could. */
enum { SIDE = 384, PRODUCTS = 2 };

typedef struct products {
    const float *a, *b;
    float *c; /* PRODUCTS × SIDE × SIDE */
} products;

static void multiply(void *context, size_t i) {
    const products *job = context;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, SIDE, SIDE, SIDE, 1.0f, job->a, SIDE,
                job->b, SIDE, 0.0f, job->c + i * SIDE * SIDE, SIDE);
}

static void test_products_have_the_same_bits_at_any_thread_count(void **state) {
    (void)state;
    enum { ELEMENTS = SIDE * SIDE };
    float *numbers = malloc(sizeof(float) * ELEMENTS * (2 + 2 * PRODUCTS));
    assert_non_null(numbers);
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < 2 * ELEMENTS; i++)
        numbers[i] = td_random_normal(&random);
    products job = {numbers, numbers + ELEMENTS, numbers + 2 * ELEMENTS};
    td_set_threads(1);
    td_parallel_each(PRODUCTS, multiply, &job);
    float *first = job.c;
    job.c += PRODUCTS * ELEMENTS;
    for (size_t threads = 2; threads <= MOST_THREADS; threads++) {
        td_set_threads(threads);
        for (size_t count = 1; count <= PRODUCTS; count++) {
            memset(job.c, 0, sizeof(float) * PRODUCTS * ELEMENTS);
            td_parallel_each(count, multiply, &job);
            assert_memory_equal(job.c, first, sizeof(float) * count * ELEMENTS);
        }
    }
    free(numbers);
}

static void test_quota(void **state) {
    (void)state;
    support_make_folder("g/a/b");
    assert_true(td_quota_cores("g", "0::/a/b") == SIZE_MAX); /* no file tells */
    support_write_text("g/a/cpu.max", "150000 100000\n");
    assert_int_equal(td_quota_cores("g", "0::/a/b\n"), 2); /* one and a half */
    support_write_text("g/a/b/cpu.max", "max 100000\n");
    assert_int_equal(td_quota_cores("g", "0::/a/b"), 2);
    support_write_text("g/a/b/cpu.max", "1000 100000\n");
    assert_int_equal(td_quota_cores("g", "0::/a/b\n"), 1);
    assert_int_equal(td_quota_cores("g", "0::/a"), 2);
    support_write_text("g/a/b/cpu.max", "-5 0\n");
    assert_int_equal(td_quota_cores("g", "0::/a/b"), 2);
    support_write_text("g/cpu.max", "100000 100000\n");
    assert_int_equal(td_quota_cores("g", "0::/\n"), 1);
    assert_true(td_quota_cores("g", "no line of it") == SIZE_MAX);
}

static void test_quota_of_version_1(void **state) {
    (void)state;
    static const char line[] = "4:cpu,cpuacct:/a/b\n";
    support_make_folder("g/cpu,cpuacct/a/b");
    support_write_text("g/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    support_write_text("g/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_true(td_quota_cores("g", line) == SIZE_MAX);
    support_write_text("g/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
    assert_true(td_quota_cores("g", line) == SIZE_MAX); /* of what period? */
    support_write_text("g/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(td_quota_cores("g", line), 3);
    assert_true(td_quota_cores("g", "4:cpu,cpuacct:/\n") == SIZE_MAX);
    support_make_folder("g/cpuset/a");
    support_write_text("g/cpuset/a/cpu.cfs_quota_us", "100000\n");
    support_write_text("g/cpuset/a/cpu.cfs_period_us", "100000\n");
    assert_true(td_quota_cores("g", "3:cpuset:/a\n") == SIZE_MAX); /* another controller */
}

static void test_core_has_a_name(void **state) {
    (void)state;
    assert_true(strlen(td_blas_core()) > 0);
}

static void test_even_chunks(void **state) {
    (void)state;
    assert_int_equal(td_even_chunk(64, 24, 4), 16);
    assert_int_equal(td_even_chunk(256, 36, 4), 32);
    assert_int_equal(td_even_chunk(512, 48, 4), 44);
    assert_int_equal(td_even_chunk(5, 48, 4), 4);
    for (size_t count = 1; count < 200; count++)
        for (size_t most = 3; most < 100; most += 3) {
            const size_t size = td_even_chunk(count, most, 3);
            assert_int_equal(size % 3, 0);
            assert_in_range(size, 3, most);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),
        cmocka_unit_test(test_claimed_chunks_are_done_by_one_thread),
        cmocka_unit_test(test_zero_threads_is_one_per_core),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_even_chunks),
        cmocka_unit_test(test_the_first_failure_is_told),
        cmocka_unit_test(test_products_have_the_same_bits_at_any_thread_count),
        IN_FOLDER(test_quota),
        IN_FOLDER(test_quota_of_version_1),
        cmocka_unit_test(test_core_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
