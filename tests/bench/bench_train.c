/* Speed and memory of training or of inference on made images; prints one line of JSON. Its twin on
 * PyTorch is bench_torch.py; `compare` runs both. */
#include "base/json.h"
#include "base/parallel.h"
#include "base/random.h"
#include "frame/clock.h"
#include "frame/net_source.h"
#include "frame/options.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/train.h"
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 3, CLASSES = 10 }; /* WARM_UP: steps that are not timed */

typedef struct bench {
    const char *net_name, *mode;
    size_t batch, steps, height, width, channels;
    tool_common common;
    td_net net;
    float *weights;
    td_images images; /* for WARM_UP + steps batches */
    double *stamps;   /* [1 + WARM_UP + steps]: the start, and the end of each step */
    size_t stamp_count;
    td_arena arena;
} bench;

enum {
    KEY_NET = TOOL_OPTION_BASE,
    KEY_MODE,
    KEY_BATCH,
    KEY_STEPS,
    KEY_HEIGHT,
    KEY_WIDTH,
    KEY_CHANNELS
};

static const struct argp_option rows[] = {
    {"net", KEY_NET, "NET", 0, "The net (cnn), or a file with a net text", 0},
    {"mode", KEY_MODE, "MODE", 0, "train or infer (train)", 0},
    {"batch", KEY_BATCH, "N", 0, "Images a step (128)", 0},
    {"steps", KEY_STEPS, "N", 0, "Steps to time (20)", 0},
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
        b->mode = modes[tool_choice("--mode", text, modes, state)];
        return 0;
    case KEY_BATCH:
        b->batch = tool_count("--batch", text, 1, 65536, state);
        return 0;
    case KEY_STEPS:
        b->steps = tool_count("--steps", text, 1, 65536, state);
        return 0;
    case KEY_HEIGHT:
        b->height = tool_count("--height", text, 1, 65536, state);
        return 0;
    case KEY_WIDTH:
        b->width = tool_count("--width", text, 1, 65536, state);
        return 0;
    case KEY_CHANNELS:
        b->channels = tool_count("--channels", text, 1, 4096, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static td_status make_images(bench *b, td_error *error) {
    size_t count = b->batch * (WARM_UP + b->steps), size = b->height * b->width * b->channels;
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

static void stamp(bench *b) {
    b->stamps[b->stamp_count++] = tool_monotonic_seconds();
}

static bool step_done(void *context, const td_train_state *state) {
    (void)state;
    stamp(context);
    return !tool_interrupted();
}

static td_status train(bench *b, td_error *error) {
    const td_optimizer *adam = td_optimizer_find("adam");
    const td_train_options options = {
        .optimizer = adam,
        .step = {.lr = adam->lr, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
        .schedule = td_schedule_find("constant"),
        .epochs = 1,
        .batch = b->batch,
        .seed = b->common.seed,
        .batch_done = step_done,
        .context = b,
    };
    stamp(b);
    return td_train(&b->net, b->weights, &b->images, &options, error);
}

static td_status infer(bench *b, td_error *error) {
    td_exec *exec;
    TD_TRY(td_exec_new(&exec, &b->net, b->batch, TD_FORWARD, error));
    td_exec_weights(exec, b->weights);
    stamp(b);
    for (size_t first = 0; first < b->images.count && !tool_interrupted(); first += b->batch) {
        td_feed(&b->images, NULL, first, b->batch, td_exec_input(exec));
        td_exec_forward(exec, b->batch);
        stamp(b);
    }
    td_exec_free(exec);
    return tool_interrupted() ? td_fail(error, TD_ERR_INTERRUPTED, "interrupted") : TD_OK;
}

/* Most memory that the process has had, in MiB. Not getrusage's, which begins with the parent's. */
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

/* Turns the stamps into the timed steps' seconds. */
static double median_step(bench *b) {
    double *seconds = b->stamps;
    for (size_t i = 0; i < b->steps; i++)
        seconds[i] = b->stamps[WARM_UP + i + 1] - b->stamps[WARM_UP + i];
    qsort(seconds, b->steps, sizeof *seconds, compare_reals);
    return (seconds[(b->steps - 1) / 2] + seconds[b->steps / 2]) / 2;
}

static td_status print_result(bench *b, double base, td_error *error) {
    json_t *result =
        json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:s}", "net", b->net_name, "mode", b->mode,
                  "batch", (json_int_t)b->batch, "threads", (json_int_t)td_threads(),
                  "images_per_second", (double)b->batch / median_step(b), "peak_mib", peak_memory(),
                  "base_mib", base, "blas_core", td_blas_core());
    if (!result)
        return td_fail_memory(error, "the result");
    json_dumpf(result, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(result);
    return TD_OK;
}

static td_status run(bench *b, td_error *error) {
    double base = peak_memory();
    TD_TRY(make_images(b, error));
    TD_TRY(tool_net_open(&b->net, b->net_name, &b->images, error));
    TD_TRY(TD_ARENA_NEW(&b->arena, b->net.weight_count, &b->weights, "weights", error));
    TD_TRY(TD_ARENA_NEW(&b->arena, 1 + WARM_UP + b->steps, &b->stamps, "times", error));
    td_net_init(&b->net, b->common.seed, b->weights);
    TD_TRY(b->mode == modes[0] ? train(b, error) : infer(b, error));
    return print_result(b, base, error);
}

int main(int argc, char **argv) {
    const struct argp argp = {
        rows, parse, "", "Times training or inference on made images.", tool_common_children,
        NULL, NULL};
    td_error error;
    bench b = {.net_name = "cnn",
               .mode = modes[0],
               .batch = 128,
               .steps = 20,
               .height = 28,
               .width = 28,
               .channels = 1};
    tool_parse(&argp, argc, argv, &b, &b.common);
    td_status status = run(&b, &error);
    td_net_free(&b.net);
    td_arena_free(&b.arena);
    return tool_exit(status, &error);
}
