/* SPDX-License-Identifier: MIT */
/* Speed and memory of training or inference on synthetic images, once warmed up; prints a line of
 * JSON per turn. Its twins are bench_torch.py and bench_onnx.py; `compare` runs all. */
#include "base/json.h"
#include "base/parallel.h"
#include "base/random.h"
#include "frame/clock.h"
#include "frame/net_source.h"
#include "frame/options.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/kernel/kernel.h"
#include "nn/train.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As in pace.py. Warm: PATIENCE steps in a row were not 1 % faster than the fastest before, and
 * WARM_SECONDS have passed. BATCHES are used in turn. */
enum { PATIENCE = 5, WARM_SECONDS = 1, LEAST_STEPS = 2, MOST_STEPS = 1 << 20 };
enum { BATCHES = 4, CLASSES = 10 };
static const double faster = 0.99;

typedef struct bench {
    const char *net_name, *mode;
    size_t batch, height, width, channels;
    double turn_seconds;
    bool turns; /* one for each line of standard input */
    tool_common common;
    td_net net;
    float *weights;
    td_images images; /* of BATCHES batches */
    td_arena arena;
    double base; /* memory before any work, MiB */

    double step_began, fastest;
    double warm_up_began;
    size_t idle; /* steps of the warm-up since the fastest */
    bool warm, done;
    double *seconds; /* [MOST_STEPS]: of each step of this turn */
    double seconds_sum;
    size_t step_count;
} bench;

enum {
    KEY_NET = TOOL_OPTION_BASE,
    KEY_MODE,
    KEY_BATCH,
    KEY_SECONDS,
    KEY_TURNS,
    KEY_HEIGHT,
    KEY_WIDTH,
    KEY_CHANNELS
};

static const struct argp_option rows[] = {
    {"net", KEY_NET, "NET", 0, "The net (cnn), or a file with a net text", 0},
    {"mode", KEY_MODE, "MODE", 0, "train or infer (train)", 0},
    {"batch", KEY_BATCH, "N", 0, "Images a step (128)", 0},
    {"seconds", KEY_SECONDS, "N", 0, "Seconds of a turn (2)", 0},
    {"turns", KEY_TURNS, NULL, 0,
     "A line when warm, then a turn for each line of standard input; without, one turn", 0},
    {"height", KEY_HEIGHT, "N", 0, "Height of the images (28)", 0},
    {"width", KEY_WIDTH, "N", 0, "Width of the images (28)", 0},
    {"channels", KEY_CHANNELS, "N", 0, "Channels of the images (1)", 0},
    {0},
};

static const char *const modes[] = {"train", "infer", NULL};

static error_t parse(int key, char *text, struct argp_state *state) {
    bench *b = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &b->common;
        return 0;
    case KEY_NET:
        b->net_name = text;
        return 0;
    case KEY_MODE:
        b->mode = modes[tool_choice("--mode", text, modes)];
        return 0;
    case KEY_BATCH:
        b->batch = tool_count("--batch", text, 1, 65536);
        return 0;
    case KEY_SECONDS:
        b->turn_seconds = (double)tool_count("--seconds", text, 1, 3600);
        return 0;
    case KEY_TURNS:
        b->turns = true;
        return 0;
    case KEY_HEIGHT:
        b->height = tool_count("--height", text, 1, 65536);
        return 0;
    case KEY_WIDTH:
        b->width = tool_count("--width", text, 1, 65536);
        return 0;
    case KEY_CHANNELS:
        b->channels = tool_count("--channels", text, 1, 4096);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static td_status make_images(bench *b, td_error *error) {
    size_t count = b->batch * BATCHES, size = b->height * b->width * b->channels;
    uint8_t *pixels;
    int32_t *labels;
    td_random random = td_random_for(b->common.seed, TD_FOR_TEST, 0, 0);
    TD_TRY(td_arena_alloc(&b->arena, count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(&b->arena, count, &labels, "labels", error));
    for (size_t i = 0; i < count * size; i++)
        pixels[i] = (uint8_t)(td_random_word(&random) >> 24);
    for (size_t i = 0; i < count; i++)
        labels[i] = (int32_t)td_random_below(&random, CLASSES);
    b->images = (td_images){count, b->height, b->width, b->channels, CLASSES, pixels, labels};
    return TD_OK;
}

/* Peak memory of the process, in MiB. Not getrusage's, which starts with the parent's. */
static double peak_memory(void) {
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtod(line + 6, NULL);
    if (status)
        fclose(status);
    return kib / 1024;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_step(bench *b) {
    qsort(b->seconds, b->step_count, sizeof *b->seconds, compare_reals);
    return (b->seconds[(b->step_count - 1) / 2] + b->seconds[b->step_count / 2]) / 2;
}

static void print_line(json_t *line) {
    json_dumpf(line, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void print_turn(bench *b) {
    double median = median_step(b); /* sorts them */
    print_line(json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:s, s:s}", "net", b->net_name,
                         "mode", b->mode, "batch", (json_int_t)b->batch, "threads",
                         (json_int_t)td_threads(), "images_per_second", (double)b->batch / median,
                         "fastest_step", (double)b->batch / b->seconds[0], "peak_mib",
                         peak_memory(), "base_mib", b->base, "kernel", td_kernel_used()->name,
                         "blas_core", td_blas_core()));
}

/* Waits for the request for the next turn; false if there is none. */
static bool begin_turn(bench *b) {
    char line[64];
    b->step_count = 0;
    b->seconds_sum = 0;
    b->done = b->turns && !fgets(line, sizeof line, stdin);
    return !b->done;
}

static bool warm_up(bench *b, double seconds) {
    b->idle = seconds < faster * b->fastest ? 0 : b->idle + 1;
    b->fastest = fmin(b->fastest, seconds);
    b->warm = b->idle >= PATIENCE && tool_monotonic_seconds() - b->warm_up_began >= WARM_SECONDS;
    if (!b->warm)
        return true;
    if (b->turns)
        print_line(json_pack("{s:b}", "warm", 1));
    return begin_turn(b);
}

static bool time_step(bench *b, double seconds) {
    b->seconds[b->step_count++] = seconds;
    b->seconds_sum += seconds;
    if (b->step_count < LEAST_STEPS ||
        (b->seconds_sum < b->turn_seconds && b->step_count < MOST_STEPS))
        return true;
    print_turn(b);
    b->done = !b->turns;
    return !b->done && begin_turn(b);
}

/* Returns whether to continue. */
static bool step_done(bench *b) {
    double seconds = tool_monotonic_seconds() - b->step_began;
    bool more = b->warm ? time_step(b, seconds) : warm_up(b, seconds);
    b->step_began = tool_monotonic_seconds();
    return more && !tool_interrupted();
}

static bool batch_done(void *context, const td_train_state *state) {
    (void)state;
    return step_done(context);
}

static td_status train(bench *b, td_error *error) {
    const td_optimizer *adam = td_optimizer_find("adam");
    const td_train_options options = {
        .optimizer = adam,
        .step = {.lr = adam->lr, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
        .schedule = td_schedule_find("constant"),
        .epochs = 1000000, /* batch_done ends it */
        .batch = b->batch,
        .seed = b->common.seed,
        .batch_done = batch_done,
        .context = b,
    };
    td_status status = td_train(&b->net, b->weights, &b->images, &options, error);
    return b->done ? TD_OK : status;
}

static td_status infer(bench *b, td_error *error) {
    td_exec *exec;
    TD_TRY(td_exec_new(&exec, &b->net, b->batch, TD_FORWARD, error));
    td_exec_weights(exec, b->weights);
    size_t first = 0;
    do {
        td_feed(&b->images, NULL, first, b->batch, td_exec_input(exec));
        td_exec_forward(exec, b->batch);
        first = (first + b->batch) % b->images.count;
    } while (step_done(b));
    td_exec_free(exec);
    return b->done ? TD_OK : td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
}

static td_status run(bench *b, td_error *error) {
    b->base = peak_memory();
    TD_TRY(make_images(b, error));
    TD_TRY(tool_net_open(&b->net, b->net_name, &b->images, error));
    TD_TRY(TD_ARENA_NEW(&b->arena, b->net.weight_count, &b->weights, "weights", error));
    TD_TRY(TD_ARENA_NEW(&b->arena, MOST_STEPS, &b->seconds, "times", error));
    td_net_init(&b->net, b->common.seed, b->weights);
    b->step_began = b->warm_up_began = tool_monotonic_seconds();
    return b->mode == modes[0] ? train(b, error) : infer(b, error);
}

int main(int argc, char **argv) {
    const struct argp argp = {rows, parse, "",  "Times training or inference on made images.",
                              NULL, NULL,  NULL};
    td_error error;
    bench b = {.net_name = "cnn",
               .mode = modes[0],
               .batch = 128,
               .height = 28,
               .width = 28,
               .channels = 1,
               .turn_seconds = 2,
               .fastest = INFINITY};
    tool_parse(&argp, argc, argv, &b, &b.common);
    td_status status = run(&b, &error);
    td_net_free(&b.net);
    td_arena_free(&b.arena);
    return tool_exit(status, &error);
}
