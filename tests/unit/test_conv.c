/* SPDX-License-Identifier: MIT */
/* Convolution over a grid of kernels, strides, paddings, channels and batches. */
#include "net_support.h"

#include <stdio.h>

enum { TEXT = 256 };

/* Kernels × strides × paddings, with and without bias, on an image whose sides differ. */
static void check_grid(size_t in, size_t out, size_t batch) {
    static const char *const kernels[] = {"1", "3", "5", "3x5"};
    static const char *const strides[] = {"1", "2", "2x1"};
    static const char *const pads[] = {"0", "1", "2", "1x2"};
    for (size_t k = 0; k < 4; k++)
        for (size_t s = 0; s < 3; s++)
            for (size_t p = 0; p < 4; p++)
                for (int bias = 0; bias < 2; bias++) {
                    char text[TEXT];
                    snprintf(text, sizeof text,
                             "input = image() height=7 width=6 channels=%zu\n"
                             "c = conv(input) out=%zu kernel=%s stride=%s pad=%s bias=%d\n"
                             "flat = flatten(c)\n",
                             in, out, kernels[k], strides[s], pads[p], bias);
                    net_check(&(net_case){text, batch, NULL, true}, 1);
                }
}

static void grid_of_1_channel(void **state) {
    (void)state;
    check_grid(1, 3, 1);
    check_grid(1, 17, 3);
}

static void grid_of_3_channels(void **state) {
    (void)state;
    check_grid(3, 1, 3);
    check_grid(3, 4, 1);
}

static void grid_of_17_channels(void **state) {
    (void)state;
    check_grid(17, 3, 1);
    check_grid(17, 2, 3);
}

/* Few channels and wide enough images for the direct path, if the operator has one. Some widths are
 * multiples of the pixels that share a vector, others are not. */
static void few_channels(void **state) {
    static const size_t ins[] = {1, 3, 6, 16}, outs[] = {1, 6, 16, 17, 32, 64};
    static const char *const kernels[] = {"1", "3", "5", "3x5"};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t o = 0; o < 6; o++)
            for (size_t k = 0; k < 4; k++) {
                char text[TEXT];
                snprintf(text, sizeof text,
                         "input = image() height=8 width=%zu channels=%zu\n"
                         "c = conv(input) out=%zu kernel=%s pad=%zu bias=%d\nflat = flatten(c)\n",
                         8 + (i + o + k) % 5, ins[i], outs[o], kernels[k], (i + o + k) % 3,
                         (o + k) % 3 > 0);
                net_check(&(net_case){text, 3, NULL, true}, 1);
            }
}

static void few_channels_between_others(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(8, 9, 3) "c1 = conv(input) out=6 kernel=5\nr1 = relu(c1)\n"
                            "c2 = conv(r1) out=3 kernel=3x2 pad=1\nflat = flatten(c2)\n",
         3, NULL, false},
        {NET_IMAGE(8, 9, 3) "c1 = conv(input) out=6 kernel=5\n"
                            "c2 = conv(c1) out=16 kernel=3x2 pad=1\nflat = flatten(c2)\n",
         37, NULL, false},
        /* An image's gradient is more than a level-1 cache holds. */
        {NET_IMAGE(23, 20, 2) "c = conv(input) out=40 kernel=3 pad=1\nflat = flatten(c)\n", 2, NULL,
         true},
        {NET_IMAGE(4, 90, 1) "c = conv(input) out=70 kernel=2\nflat = flatten(c)\n", 2, NULL, true},
    };
    (void)state;
    net_check(cases, 4);
}

/* The columns of a whole image do not fit in one strip. */
static void images_of_several_strips(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(23, 64, 17) "c = conv(input) out=3 kernel=5 pad=2\nflat = flatten(c)\n", 2, NULL,
         true},
        {NET_IMAGE(31, 37, 9) "c = conv(input) out=5 kernel=5x3 stride=1x2\nflat = flatten(c)\n", 3,
         NULL, true},
        /* A single row of output pixels exceeds a strip. */
        {NET_IMAGE(4, 300, 70) "c = conv(input) out=2 kernel=3 pad=1\nflat = flatten(c)\n", 1, NULL,
         true},
    };
    (void)state;
    net_check(cases, 3);
}

/* Of few channels: a frame of several bands of rows, of which the last is the smaller one. */
static void images_of_several_bands(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(91, 70, 3) "c = conv(input) out=4 kernel=3 pad=1\nflat = flatten(c)\n", 2, NULL,
         true},
        {NET_IMAGE(91, 70,
                   3) "c = conv(input) out=17 kernel=5x3 stride=2 pad=1\nflat = flatten(c)\n",
         1, NULL, true},
        {NET_IMAGE(91, 70, 3) "c = conv(input) out=4 kernel=2 stride=2x3\nflat = flatten(c)\n", 1,
         NULL, true},
    };
    (void)state;
    net_check(cases, 3);
}

/* Several images in a chunk, forward and backward, and a short last chunk. */
static void batches_of_several_chunks(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 5, 2) "c = conv(input) out=3 kernel=3 pad=1\nflat = flatten(c)\n", 37, NULL,
         true},
        {NET_IMAGE(1, 1, 40) "c = conv(input) out=20 kernel=1\n", 70, NULL, true},
        {NET_IMAGE(2, 2, 5) "c = conv(input) out=33 kernel=2\n", 65, NULL, true},
    };
    (void)state;
    net_check(cases, 3);
}

/* 1×1 kernels, which need no columns: several strips of pixels, channel counts that are not whole
 * vectors, and enough channels to be divided among tasks. */
static void one_by_one(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(7, 9, 5) "c = conv(input) out=19 kernel=1\nflat = flatten(c)\n", 3, NULL, true},
        {NET_IMAGE(13, 11, 3) "c = conv(input) out=8 kernel=1 bias=0\nflat = flatten(c)\n", 9, NULL,
         true},
        {NET_IMAGE(2, 3, 400) "c = conv(input) out=3 kernel=1\nflat = flatten(c)\n", 17, NULL,
         true},
        {NET_IMAGE(2, 2, 24) "c = conv(input) out=150 kernel=1\nflat = flatten(c)\n", 2, NULL,
         true},
        {NET_IMAGE(6, 5, 6) "c = conv(input) out=12 kernel=1\nr = clip(c) max=0.5\n"
                            "d = conv(r) out=7 kernel=1 bias=0\ns = relu(d)\nflat = flatten(s)\n",
         5, NULL, false},
        {NET_IMAGE(6, 5, 6) "c = conv(input) out=12 kernel=3 pad=1\nr = clip(c) min=-0.5 max=0.5\n"
                            "d = conv(r) out=12 kernel=3 groups=12\ns = clip(d) max=0.1\n"
                            "flat = flatten(s)\n",
         5, NULL, false},
    };
    (void)state;
    net_check(cases, sizeof cases / sizeof *cases);
}

/* Windows entirely in the padding, and one larger than its input. */
static void padding_larger_than_the_kernel(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(3, 2, 3) "c = conv(input) out=2 kernel=1 pad=2\nflat = flatten(c)\n", 2, NULL,
         true},
        {NET_IMAGE(2, 3, 3) "c = conv(input) out=2 kernel=3 stride=2 pad=5\nflat = flatten(c)\n", 2,
         NULL, true},
        {NET_IMAGE(1, 1, 3) "c = conv(input) out=2 kernel=1 stride=10 pad=1\nflat = flatten(c)\n",
         2, NULL, true},
        {NET_IMAGE(1, 1, 20) "c = conv(input) out=10 kernel=3 pad=1\nflat = flatten(c)\n", 5, NULL,
         true},
        {NET_IMAGE(2, 2, 20) "c = conv(input) out=300 kernel=3 stride=2 pad=1\nflat = flatten(c)\n",
         5, NULL, true},
        {NET_IMAGE(1, 2, 3) "c = conv(input) out=2 kernel=5 pad=2\nflat = flatten(c)\n", 2, NULL,
         true},
        /* Only 3×3 positions of these 5×5 kernels are used. */
        {NET_IMAGE(2, 2, 9) "c = conv(input) out=10 kernel=5 pad=2\nflat = flatten(c)\n", 5, NULL,
         true},
        {NET_IMAGE(2, 3, 9) "c = conv(input) out=10 kernel=5x3 pad=2x1\nflat = flatten(c)\n", 5,
         NULL, true},
    };
    (void)state;
    net_check(cases, sizeof cases / sizeof *cases);
}

/* Enough channels for 3×3 kernels of stride 1 to use Winograd, if the operator has it. */
static void three_by_three_of_many_channels(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(7, 6, 17) "c = conv(input) out=9 kernel=3\nflat = flatten(c)\n", 3, NULL, true},
        {NET_IMAGE(7, 6, 8) "c = conv(input) out=16 kernel=3 pad=1 bias=0\nflat = flatten(c)\n", 1,
         NULL, true},
        {NET_IMAGE(9, 13, 16) "c = conv(input) out=8 kernel=3 pad=2\nflat = flatten(c)\n", 2, NULL,
         true},
        {NET_IMAGE(6, 6, 12) "c = conv(input) out=12 kernel=3 pad=1\nr = relu(c)\n"
                             "flat = flatten(r)\n",
         3, NULL, false},
        {NET_IMAGE(6, 6, 12) "c1 = conv(input) out=12 kernel=3\nr1 = relu(c1)\n"
                             "c2 = conv(r1) out=9 kernel=3 bias=0\nr2 = relu(c2)\n"
                             "flat = flatten(r2)\n",
         19, NULL, false},
    };
    (void)state;
    net_check(cases, 5);
}

/* Images so small that most of a padded window is padding. */
static void images_of_a_few_pixels(void **state) {
    static const size_t channels[] = {8, 17, 64}, batches[] = {1, 5, 64, 131};
    (void)state;
    for (size_t side = 1; side <= 2; side++)
        for (size_t stride = 1; stride <= 2; stride++)
            for (size_t i = 0; i < 9; i++) {
                char text[TEXT];
                snprintf(text, sizeof text,
                         "input = image() height=%zu width=%zu channels=%zu\n"
                         "c = conv(input) out=%zu kernel=3 stride=%zu pad=1 bias=%d\n"
                         "flat = flatten(c)\n",
                         side, side, channels[i / 3], channels[i % 3], stride, i % 2 == 0);
                net_check(&(net_case){text, batches[(i + stride) % 4], NULL, true}, 1);
            }
}

/* Several partial panels and blocks of channels, under a ReLU. */
static void images_of_a_few_pixels_and_many_channels(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(2, 2, 41) "c1 = conv(input) out=70 kernel=3 pad=1\nr1 = relu(c1)\n"
                             "c2 = conv(r1) out=35 kernel=3 pad=1 bias=0\nr2 = relu(c2)\n"
                             "flat = flatten(r2)\n",
         5, NULL, false},
        {NET_IMAGE(2, 2, 49) "c = conv(input) out=49 kernel=3 pad=1\nflat = flatten(c)\n", 257,
         NULL, true},
    };
    (void)state;
    net_check(cases, 2);
}

/* Groups by the matrix product, and depthwise. */
static void groups(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(7, 6, 6) "c = conv(input) out=4 kernel=3 pad=1 groups=2\nflat = flatten(c)\n", 3,
         NULL, true},
        {NET_IMAGE(7, 6, 6) "c = conv(input) out=9 kernel=1 groups=3 bias=0\nflat = flatten(c)\n",
         3, NULL, true},
        {NET_IMAGE(6, 5, 4) "c = conv(input) out=8 kernel=3x2 stride=2 pad=1 groups=4\n"
                            "flat = flatten(c)\n",
         3, NULL, true},
        {NET_IMAGE(1, 1, 8) "c = conv(input) out=4 kernel=3 pad=1 groups=2\n", 33, NULL, true},
        {NET_IMAGE(9, 8, 16) "c = conv(input) out=16 kernel=3 pad=1 groups=4\nr = relu(c)\n"
                             "d = conv(r) out=16 kernel=3 pad=1 groups=16\nb = batch-norm(d)\n"
                             "s = relu(b)\nflat = flatten(s)\n",
         3, NULL, false},
    };
    (void)state;
    net_check(cases, sizeof cases / sizeof *cases);
}

static void each_channel_by_itself(void **state) {
    static const size_t channels[] = {2, 16, 37};
    static const char *const kernels[] = {"1", "3", "5", "3x5"};
    static const char *const pads[] = {"0", "1", "2x1", "0x0x1x1"};
    static const char *const strides[] = {"1", "2", "2x1"};
    (void)state;
    for (size_t c = 0; c < 3; c++)
        for (size_t k = 0; k < 4; k++)
            for (size_t p = 0; p < 4; p++) {
                char text[TEXT];
                snprintf(text, sizeof text,
                         "input = image() height=7 width=%zu channels=%zu\n"
                         "c = conv(input) out=%zu kernel=%s pad=%s stride=%s groups=%zu bias=%d\n"
                         "flat = flatten(c)\n",
                         6 + 5 * (c % 2), channels[c], channels[c], kernels[k], pads[p],
                         strides[(c + k + p) % 3], channels[c], (int)(k + p) % 2);
                net_check(&(net_case){text, 3, NULL, true}, 1);
            }
    /* The kernel is larger than the image; more chunks going back than partial gradients. */
    net_check(&(net_case){NET_IMAGE(2, 1, 3) "c = conv(input) out=3 kernel=5 pad=2 groups=3\n"
                                             "flat = flatten(c)\n",
                          37, NULL, true},
              1);
}

static void unequal_padding(void **state) {
    static const char *const pads[] = {"0x0x1x1", "2x1x0x1", "0x2x0x0", "1x1x2x2"};
    (void)state;
    for (size_t p = 0; p < 4; p++)
        for (size_t stride = 1; stride < 3; stride++)
            for (size_t in = 3; in < 20; in += 14) {
                char text[TEXT];
                snprintf(text, sizeof text,
                         "input = image() height=7 width=9 channels=%zu\n"
                         "c = conv(input) out=16 kernel=3 pad=%s stride=%zu\nflat = flatten(c)\n",
                         in, pads[p], stride);
                net_check(&(net_case){text, 3, NULL, true}, 1);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),
        cmocka_unit_test(each_channel_by_itself),
        cmocka_unit_test(unequal_padding),
        cmocka_unit_test(grid_of_1_channel),
        cmocka_unit_test(grid_of_3_channels),
        cmocka_unit_test(grid_of_17_channels),
        cmocka_unit_test(few_channels),
        cmocka_unit_test(few_channels_between_others),
        cmocka_unit_test(images_of_several_strips),
        cmocka_unit_test(images_of_several_bands),
        cmocka_unit_test(batches_of_several_chunks),
        cmocka_unit_test(one_by_one),
        cmocka_unit_test(padding_larger_than_the_kernel),
        cmocka_unit_test(three_by_three_of_many_channels),
        cmocka_unit_test(images_of_a_few_pixels),
        cmocka_unit_test(images_of_a_few_pixels_and_many_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
