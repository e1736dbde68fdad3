/* SPDX-License-Identifier: MIT */
/* The executor over whole nets: memory, batch sizes, kinds of pass. Single operators are in
 * test_ops.c. */
#include "net_support.h"

#include "base/parallel.h"
#include "nn/exec.h"
#include "nn/passes.h"
#include "nn/predict.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH = 5, SIDE = 16, CHANNELS = 3, CLASSES = 10, PIXELS = SIDE * SIDE * CHANNELS };

static void parse_cnn(td_net *net) {
    net_parsed(net, td_zoo_text("cnn"), &(td_net_variables){SIDE, SIDE, CHANNELS, CLASSES});
}

/* A net, numbers for a batch, and an executor. */
typedef struct fixture {
    td_net net;
    td_arena arena;
    td_exec *exec;
    float *weights, *images;
} fixture;

static void set_up(fixture *f, td_exec_kind kind) {
    *f = (fixture){0};
    parse_cnn(&f->net);
    assert_int_equal(TD_ARENA_NEW(&f->arena, f->net.weight_count, &f->weights, "", NULL), TD_OK);
    assert_int_equal(TD_ARENA_NEW(&f->arena, BATCH * PIXELS, &f->images, "", NULL), TD_OK);
    net_weights(&f->net, f->weights);
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 9);
    net_fill_pixels(&random, f->images, BATCH * PIXELS);
    assert_int_equal(td_exec_new(&f->exec, &f->net, BATCH, kind, NULL), TD_OK);
    td_exec_weights(f->exec, f->weights);
}

static void tear_down(fixture *f) {
    td_exec_free(f->exec);
    td_net_free(&f->net);
    td_arena_free(&f->arena);
}

static void forward(fixture *f, size_t first, size_t batch, float *logits) {
    memcpy(td_exec_input(f->exec), f->images + first * PIXELS, batch * PIXELS * sizeof(float));
    memcpy(logits, td_exec_forward(f->exec, batch), batch * CLASSES * sizeof(float));
}

static void backward(fixture *f, const float *gradient, size_t batch, float *weights_gradient,
                     float *images_gradient) {
    memcpy(td_exec_logits_gradient(f->exec), gradient, batch * CLASSES * sizeof(float));
    const float *found = td_exec_backward(f->exec, weights_gradient);
    if (images_gradient)
        memcpy(images_gradient, found, batch * PIXELS * sizeof(float));
    else
        assert_null(found);
}

static void the_whole_cnn(void **state) {
    td_net net;
    td_arena arena = {0};
    char *text;
    (void)state;
    parse_cnn(&net);
    assert_int_equal(td_net_text(&net, &arena, &text, NULL), TD_OK);
    net_check(&(net_case){text, 2, net_fill_pixels, false}, 1);
    td_arena_free(&arena);
    td_net_free(&net);
}

static void inference_gives_the_bytes_of_training(void **state) {
    float logits[4][BATCH * CLASSES];
    const td_exec_kind kinds[] = {TD_FORWARD, TD_BACKWARD, TD_BACKWARD_INPUT, TD_BACKWARD_IMAGE};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        fixture f;
        set_up(&f, kinds[i]);
        forward(&f, 0, BATCH, logits[i]);
        tear_down(&f);
        assert_memory_equal(logits[i], logits[0], sizeof logits[0]);
    }
}

/* A batch split into chunks, the last one short, gives the bytes of small batches run separately,
 * at any number of threads. */
static void chunks_give_the_logits_of_small_batches(void **state) {
    enum { LARGE = 70, SMALL = 10 };
    td_net net;
    td_exec *exec;
    (void)state;
    parse_cnn(&net);
    const size_t size = td_shape_size(td_net_input(&net));
    float *weights = malloc(net.weight_count * sizeof *weights);
    float *x = malloc(LARGE * size * sizeof *x), logits[LARGE * CLASSES],
          first_run[LARGE * CLASSES];
    assert_true(weights && x);
    net_weights(&net, weights);
    net_normal(x, LARGE * size, 1);
    assert_int_equal(td_exec_new(&exec, &net, SMALL, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    for (size_t first = 0; first < LARGE; first += SMALL) {
        memcpy(td_exec_input(exec), x + first * size, SMALL * size * sizeof *x);
        memcpy(logits + first * CLASSES, td_exec_forward(exec, SMALL),
               SMALL * CLASSES * sizeof *logits);
    }
    td_exec_free(exec);
    for (size_t threads = 1; threads <= 3; threads++) {
        td_set_threads(threads);
        assert_int_equal(td_exec_new(&exec, &net, LARGE, TD_FORWARD, NULL), TD_OK);
        td_exec_weights(exec, weights);
        memcpy(td_exec_input(exec), x, LARGE * size * sizeof *x);
        const float *found = td_exec_forward(exec, LARGE);
        if (threads == 1)
            memcpy(first_run, found, sizeof first_run);
        assert_memory_equal(found, first_run, sizeof first_run);
        for (size_t i = 0; i < LARGE * CLASSES; i++)
            net_assert_near((double)found[i], (double)logits[i], 1e-4);
        td_exec_free(exec);
    }
    td_set_threads(0);
    free(x);
    free(weights);
    td_net_free(&net);
}

static void inference_needs_less_memory(void **state) {
    fixture inference, training;
    (void)state;
    set_up(&inference, TD_FORWARD);
    set_up(&training, TD_BACKWARD);
    assert_true(td_exec_bytes(inference.exec) < td_exec_bytes(training.exec));
    tear_down(&training);
    tear_down(&inference);
}

static size_t bytes_of(const char *text) {
    td_net net;
    td_exec *exec;
    net_parsed(&net, text, NULL);
    assert_int_equal(td_exec_new(&exec, &net, 1, TD_FORWARD, NULL), TD_OK);
    size_t bytes = td_exec_bytes(exec);
    td_exec_free(exec);
    td_net_free(&net);
    return bytes;
}

/* A longer chain needs no more memory: at any time two of its activations are alive. */
static void inference_reuses_memory(void **state) {
    enum { ACTIVATION = 64 * 64 * 8 * sizeof(float) };
    (void)state;
    size_t few = bytes_of(NET_IMAGE(64, 64, 8) "a = scale(input)\nb = scale(a)\n"
                                               "flat = flatten(b)\n");
    size_t many = bytes_of(NET_IMAGE(64, 64, 8) "a = scale(input)\nb = scale(a)\nc = scale(b)\n"
                                                "d = scale(c)\ne = scale(d)\nflat = flatten(e)\n");
    assert_true(few >= 2 * ACTIVATION);
    assert_true(many < few + ACTIVATION / 4);
}

/* Weights, with non-negative variances. */
static float *weights_of(const td_net *net) {
    float *weights = calloc(net->weight_count, sizeof *weights);
    assert_non_null(weights);
    net_weights(net, weights);
    for (size_t i = 0; i < net->param_count; i++)
        for (size_t k = 0; net->params[i].role == TD_RUNNING && k < net->params[i].count; k++)
            weights[net->params[i].offset + k] = 1 + (float)k / 8;
    return weights;
}

/* A folded norm has no activation of its own, whatever comes after it. */
static void norms_fold(void **state) {
    enum { ACTIVATION = 64 * 64 * 8 * sizeof(float) };
    (void)state;
    static const char *const without[] = {
        NET_IMAGE(64, 64, 8) "c = conv(input) out=8 kernel=1\nr = relu(c)\nflat = flatten(r)\n",
        NET_IMAGE(64, 64, 8) "c = conv(input) out=8 kernel=1\nr = leaky-relu(c)\n"
                             "flat = flatten(r)\n"};
    static const char *const with[] = {
        NET_IMAGE(64, 64, 8) "c = conv(input) out=8 kernel=1\nbn = batch-norm(c)\nr = relu(bn)\n"
                             "flat = flatten(r)\n",
        NET_IMAGE(64, 64, 8) "c = conv(input) out=8 kernel=1\nbn = batch-norm(c)\n"
                             "r = leaky-relu(bn)\nflat = flatten(r)\n"};
    for (size_t i = 0; i < 2; i++)
        assert_true(bytes_of(with[i]) < bytes_of(without[i]) + ACTIVATION / 4);
    td_net net;
    td_exec *folded, *plain;
    net_parsed(&net, with[1], NULL);
    float *weights = weights_of(&net);
    assert_int_equal(td_exec_new(&folded, &net, 1, TD_FORWARD, NULL), TD_OK);
    assert_int_equal(td_exec_new(&plain, &net, 1, TD_BACKWARD, NULL), TD_OK);
    td_exec_weights(folded, weights);
    td_exec_weights(plain, weights);
    net_normal(td_exec_input(folded), 64 * 64 * 8, 3);
    net_normal(td_exec_input(plain), 64 * 64 * 8, 3);
    double *expected = net_doubles(td_exec_forward(plain, 1), 64 * 64 * 8);
    assert_true(net_residual(td_exec_forward(folded, 1), expected, 64 * 64 * 8) <= 1e-5);
    free(expected);
    td_exec_free(plain);
    td_exec_free(folded);
    free(weights);
    td_net_free(&net);
}

/* Rows of a product may differ in the last bits with the number of rows: hence a tolerance. */
static void smaller_batches_give_the_same_logits(void **state) {
    fixture f;
    float logits[BATCH * CLASSES], parts[BATCH * CLASSES];
    (void)state;
    set_up(&f, TD_FORWARD);
    forward(&f, 0, BATCH, logits);
    forward(&f, 0, 2, parts);
    forward(&f, 2, 1, parts + 2 * CLASSES);
    forward(&f, 3, 2, parts + 3 * CLASSES);
    double *expected = net_doubles(logits, BATCH * CLASSES);
    assert_true(net_residual(parts, expected, BATCH * CLASSES) <= 1e-5);
    free(expected);
    tear_down(&f);
}

/* The gradient of a sum over images is the sum of their gradients. */
static void smaller_batches_give_the_same_gradients(void **state) {
    fixture f;
    float logits[BATCH * CLASSES], gradient[BATCH * CLASSES];
    static float images[BATCH * PIXELS], parts[BATCH * PIXELS];
    const size_t begin[] = {0, 3, BATCH};
    (void)state;
    set_up(&f, TD_BACKWARD_INPUT);
    const size_t count = f.net.weight_count;
    float *whole = calloc(count, sizeof *whole), *part = calloc(count, sizeof *part);
    float *sum = calloc(count, sizeof *sum);
    assert_true(whole && part && sum);
    net_normal(gradient, BATCH * CLASSES, 5);
    forward(&f, 0, BATCH, logits);
    backward(&f, gradient, BATCH, whole, images);
    for (size_t k = 0; k < 2; k++) {
        size_t batch = begin[k + 1] - begin[k];
        forward(&f, begin[k], batch, logits);
        backward(&f, gradient + begin[k] * CLASSES, batch, part, parts + begin[k] * PIXELS);
        for (size_t i = 0; i < count; i++)
            sum[i] += part[i];
    }
    double *expected = net_doubles(whole, count), *of_images = net_doubles(images, BATCH * PIXELS);
    assert_true(net_residual(sum, expected, count) <= 1e-5);
    assert_true(net_residual(parts, of_images, BATCH * PIXELS) <= 1e-5);
    free(of_images);
    free(expected);
    free(sum);
    free(part);
    free(whole);
    tear_down(&f);
}

/* Gradients that are not requested are not computed, without an effect on the others. */
static void gradients_on_request(void **state) {
    fixture both, parameters;
    float logits[BATCH * CLASSES], gradient[BATCH * CLASSES];
    static float first[BATCH * PIXELS], second[BATCH * PIXELS];
    (void)state;
    set_up(&both, TD_BACKWARD_INPUT);
    set_up(&parameters, TD_BACKWARD);
    const size_t count = both.net.weight_count;
    float *a = calloc(count, sizeof *a), *b = calloc(count, sizeof *b);
    assert_true(a && b);
    net_normal(gradient, BATCH * CLASSES, 5);
    forward(&both, 0, BATCH, logits);
    backward(&both, gradient, BATCH, a, first);
    forward(&both, 0, BATCH, logits);
    backward(&both, gradient, BATCH, NULL, second);
    forward(&parameters, 0, BATCH, logits);
    backward(&parameters, gradient, BATCH, b, NULL);
    assert_memory_equal(first, second, sizeof first);
    assert_memory_equal(a, b, count * sizeof *a);
    free(b);
    free(a);
    tear_down(&parameters);
    tear_down(&both);
}

/* The gradient of the image only is the same if norms are folded into convolutions of every path,
 * into a dense layer, before a ReLU and before a sum, and needs less memory. */
static void frozen_parameters_give_the_gradient_of_the_image(void **state) {
    static const char text[] = NET_IMAGE(
        12, 12,
        3) "c1 = conv(input) out=16 kernel=3 pad=1\nn1 = batch-norm(c1)\nr1 = relu(n1)\n"
           "c2 = conv(r1) out=16 kernel=3 pad=1 bias=0\nn2 = batch-norm(c2)\ns = add(n2, r1)\n"
           "r2 = relu(s)\nc3 = conv(r2) out=24 kernel=2 stride=2\nn3 = batch-norm(c3)\n"
           "r3 = relu(n3)\nn4 = batch-norm(r3)\nflat = flatten(n4)\nfc = dense(flat) out=8\n"
           "n5 = batch-norm(fc)\nr5 = relu(n5)\nfc2 = dense(r5) out=10\n";
    enum { IMAGES = 40, VALUES = IMAGES * 12 * 12 * 3 };
    td_exec *frozen, *plain;
    td_net net;
    (void)state;
    net_parsed(&net, text, NULL);
    float *weights = weights_of(&net);
    assert_int_equal(td_exec_new(&frozen, &net, IMAGES, TD_BACKWARD_IMAGE, NULL), TD_OK);
    assert_int_equal(td_exec_new(&plain, &net, IMAGES, TD_BACKWARD_INPUT, NULL), TD_OK);
    assert_true(td_exec_bytes(frozen) < td_exec_bytes(plain));
    for (size_t round = 0; round < 2; round++) { /* again with other weights */
        td_exec *const both[] = {plain, frozen};
        double *expected[2] = {0};
        for (size_t i = 0; i < 2; i++) {
            td_exec_weights(both[i], weights);
            net_normal(td_exec_input(both[i]), VALUES, 3);
            const float *logits = td_exec_forward(both[i], IMAGES);
            if (i == 0)
                expected[0] = net_doubles(logits, IMAGES * CLASSES);
            else
                assert_true(net_residual(logits, expected[0], IMAGES * CLASSES) <= 1e-5);
            net_normal(td_exec_logits_gradient(both[i]), IMAGES * CLASSES, 5);
            const float *gradient = td_exec_backward(both[i], NULL);
            if (i == 0)
                expected[1] = net_doubles(gradient, VALUES);
            else
                assert_true(net_residual(gradient, expected[1], VALUES) <= 1e-5);
        }
        free(expected[0]);
        free(expected[1]);
        for (size_t i = 0; i < net.weight_count; i++)
            weights[i] *= 1.25F;
    }
    td_exec_free(plain);
    td_exec_free(frozen);
    free(weights);
    td_net_free(&net);
}

/* Frozen nodes get no gradient, and the others the same bits as without freezing; the backward pass
 * stops at the first trainable node. */
static void frozen_nodes_compute_no_gradient(void **state) {
    static const char text[] = NET_IMAGE(
        8, 8, 3) "c1 = conv(input) out=16 kernel=3 pad=1\nn1 = batch-norm(c1)\nr1 = relu(n1)\n"
                 "c2 = conv(r1) out=16 kernel=3 pad=1 bias=0\nn2 = batch-norm(c2)\nr2 = relu(n2)\n"
                 "flat = flatten(r2)\nfc = dense(flat) out=10\n";
    enum { IMAGES = 6, UNTOUCHED = 7 };
    td_net net;
    float *found[2];
    (void)state;
    net_parsed(&net, text, NULL);
    float *weights = weights_of(&net);
    for (size_t run = 0; run < 2; run++) {
        td_exec *exec;
        found[run] = malloc(net.weight_count * sizeof **found);
        assert_non_null(found[run]);
        for (size_t i = 0; i < net.weight_count; i++)
            found[run][i] = UNTOUCHED;
        for (size_t p = 0; p < net.param_count; p++)
            net.params[p].frozen = run == 1 && net.params[p].name[0] != 'n';
        assert_int_equal(td_exec_new(&exec, &net, IMAGES, TD_BACKWARD, NULL), TD_OK);
        td_exec_training(exec, 1, 0);
        td_exec_weights(exec, weights);
        net_normal(td_exec_input(exec), IMAGES * 8 * 8 * 3, 3);
        td_exec_forward(exec, IMAGES);
        net_normal(td_exec_logits_gradient(exec), IMAGES * CLASSES, 5);
        assert_null(td_exec_backward(exec, found[run]));
        td_exec_free(exec);
    }
    for (size_t p = 0; p < net.param_count; p++) {
        const td_param *param = &net.params[p];
        for (size_t i = param->offset; i < param->offset + param->count; i++)
            assert_true(found[1][i] == (param->frozen ? (float)UNTOUCHED : found[0][i]));
    }
    free(found[0]);
    free(found[1]);
    free(weights);
    td_net_free(&net);
}

static void new_weights_are_used(void **state) {
    fixture f;
    float before[BATCH * CLASSES], after[BATCH * CLASSES];
    (void)state;
    set_up(&f, TD_FORWARD);
    forward(&f, 0, BATCH, before);
    for (size_t i = 0; i < f.net.weight_count; i++)
        f.weights[i] *= -1;
    td_exec_weights(f.exec, f.weights);
    forward(&f, 0, BATCH, after);
    assert_memory_not_equal(before, after, sizeof before);
    for (size_t i = 0; i < f.net.weight_count; i++)
        f.weights[i] *= -1;
    td_exec_weights(f.exec, f.weights);
    forward(&f, 0, BATCH, after);
    assert_memory_equal(before, after, sizeof before);
    tear_down(&f);
}

static void too_large_an_executor_is_refused(void **state) {
    td_net net;
    td_exec *exec;
    td_error error;
    (void)state;
    td_exec_free(NULL);
    net_parsed(&net, NET_IMAGE(65536, 512, 1) "flat = flatten(input)\n", NULL);
    assert_int_equal(td_exec_new(&exec, &net, (size_t)1 << 33, TD_FORWARD, &error), TD_ERR_MEMORY);
    assert_null(exec);
    td_net_free(&net);
}

enum { MANY = 130 }; /* more than a batch of td_predict */

typedef struct watched {
    size_t calls, images, stop_after;
} watched;

static bool watch(void *context, size_t images) {
    watched *seen = context;
    seen->calls++;
    seen->images = images;
    return seen->calls != seen->stop_after;
}

static const char small[] = NET_IMAGE(2, 3, 1) "s = scale(input) by=1/255\nflat = flatten(s)\n"
                                               "fc = dense(flat) out=4\n";

static td_images many_images(uint8_t *pixels, const int32_t *labels) {
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 3);
    for (size_t i = 0; i < (size_t)MANY * 6; i++)
        pixels[i] = (uint8_t)td_random_below(&random, 256);
    return (td_images){MANY, 2, 3, 1, 4, pixels, labels};
}

static void prediction_of_many_images(void **state) {
    uint8_t pixels[MANY * 6];
    const int32_t labels[MANY] = {0};
    float weights[28], *logits;
    td_images images = many_images(pixels, labels);
    watched seen = {0};
    td_arena arena = {0};
    td_exec *exec;
    td_net net;
    (void)state;
    net_parsed(&net, small, NULL);
    net_weights(&net, weights);
    assert_int_equal(
        td_predict(&net, weights, &images, (td_predict_watch){watch, &seen}, &arena, &logits, NULL),
        TD_OK);
    assert_int_equal(seen.images, MANY);
    assert_int_equal(td_exec_new(&exec, &net, 1, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t j = 0; j < 6; j++)
            td_exec_input(exec)[j] = pixels[i * 6 + j];
        assert_memory_equal(td_exec_forward(exec, 1), logits + i * 4, 4 * sizeof *logits);
    }
    td_exec_free(exec);
    td_arena_free(&arena);
    td_net_free(&net);
}

static void prediction_stops_and_refuses(void **state) {
    uint8_t pixels[MANY * 6];
    const int32_t labels[MANY] = {0};
    float weights[28], *logits;
    td_images images = many_images(pixels, labels), turned = images;
    watched seen = {.stop_after = 1};
    td_arena arena = {0};
    td_error error;
    td_net net;
    (void)state;
    net_parsed(&net, small, NULL);
    net_weights(&net, weights);
    assert_int_equal(td_predict(&net, weights, &images, (td_predict_watch){watch, &seen}, &arena,
                                &logits, &error),
                     TD_ERR_INTERRUPTED);
    assert_int_equal(seen.calls, 1);
    turned.height = 3;
    turned.width = 2;
    assert_int_equal(
        td_predict(&net, weights, &turned, (td_predict_watch){0}, &arena, &logits, &error),
        TD_ERR_USAGE);
    support_assert_contains(error.message, "2×3×1");
    support_assert_contains(error.message, "3×2×1");
    td_arena_free(&arena);
    td_net_free(&net);
}

/* Three batches forward, one of them back. */
static void images_are_counted(void **state) {
    fixture f;
    float logits[BATCH * CLASSES], gradient[BATCH * CLASSES] = {0};
    (void)state;
    set_up(&f, TD_BACKWARD_IMAGE);
    const td_passes before = td_passes_so_far();
    forward(&f, 0, BATCH, logits);
    forward(&f, 1, 2, logits);
    forward(&f, 0, 3, logits);
    float images[3 * PIXELS];
    backward(&f, gradient, 3, NULL, images);
    const td_passes after = td_passes_so_far();
    assert_int_equal(after.forward - before.forward, BATCH + 2 + 3);
    assert_int_equal(after.backward - before.backward, 3);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_cnn),
        cmocka_unit_test(images_are_counted),
        cmocka_unit_test(inference_gives_the_bytes_of_training),
        cmocka_unit_test(chunks_give_the_logits_of_small_batches),
        cmocka_unit_test(inference_needs_less_memory),
        cmocka_unit_test(inference_reuses_memory),
        cmocka_unit_test(norms_fold),
        cmocka_unit_test(smaller_batches_give_the_same_logits),
        cmocka_unit_test(smaller_batches_give_the_same_gradients),
        cmocka_unit_test(gradients_on_request),
        cmocka_unit_test(frozen_parameters_give_the_gradient_of_the_image),
        cmocka_unit_test(frozen_nodes_compute_no_gradient),
        cmocka_unit_test(new_weights_are_used),
        cmocka_unit_test(too_large_an_executor_is_refused),
        cmocka_unit_test(prediction_of_many_images),
        cmocka_unit_test(prediction_stops_and_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
