/* SPDX-License-Identifier: MIT */
/* BaDExpert: Xie, Qi, He, Li, Wang and Mittal, "BaDExpert: extracting backdoor functionality for
 * accurate backdoor input detection", ICLR 2024. Two models are derived from the evaluated one: an
 * expert that unlearns the classes and keeps the backdoor, by one epoch of Adam on clean images
 * with the labels (y + 1) mod K, and a fine-tuned one that loses some of the backdoor, by ten
 * epochs of SGD on the true labels, with a learning rate that falls to a tenth after every two.
 * Their probabilities for the class that the model predicts give the score (badexpert.h); inputs
 * with a low score are flagged. The logarithm is reported.
 *
 * Half of the clean images are for training, the other half calibrate; the evaluated images
 * influence nothing. */
#include "defend/detect/badexpert.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "frame/classes.h"
#include "frame/training.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

enum { EXPERT, TUNED, MODELS };
enum { BATCH = 128, EPOCHS_A_STEP = 2 };

static const double least = 1e-8, least_score = 1e-12, momentum = 0.9, decay = 1e-4;

typedef struct badexpert_settings {
    detect_own shared;
    double expert_lr, lr;
    size_t expert_epochs, epochs;
} badexpert_settings;

typedef struct badexpert {
    float *weights[MODELS];
    td_exec *execs[MODELS];
    float *probabilities[MODELS]; /* [DETECT_BATCH, classes] */
    double accuracy[MODELS];      /* on their training images, with true labels */
} badexpert;

double badexpert_score(double x, double y) {
    return fmin(2 * y / fmax(x, least), (1 - x) / fmax(0.5 - y, least));
}

/* Progress over ten epochs is 0 to 1: a tenth after every two. */
static double falling(double progress) {
    return pow(0.1, floor(progress * 10 / EPOCHS_A_STEP));
}

static td_status train(detect_job *job, badexpert *b, size_t which, const td_images *images,
                       td_error *error) {
    static const td_schedule steps = {"steps", falling};
    const badexpert_settings *s = job->run->own;
    td_train_options options = {.schedule = td_schedule_find("constant"),
                                .optimizer = td_optimizer_find("adam"),
                                .step = td_adam_step(s->expert_lr, 1),
                                .epochs = s->expert_epochs,
                                .batch = BATCH,
                                .seed = job->run->common->seed};
    if (which == TUNED) {
        options.schedule = &steps;
        options.optimizer = td_optimizer_find("sgd");
        options.step = (td_step){.lr = s->lr, .momentum = momentum, .weight_decay = decay};
        options.epochs = s->epochs;
    }
    return tool_run_train(job->run, &job->model.net, b->weights[which], images, &options,
                          which == EXPERT ? "training the expert" : "fine-tuning", error);
}

/* The accuracy of the model on the images. */
static double measure(const detect_job *job, const badexpert *b, size_t which,
                      const td_images *images) {
    const size_t classes = td_net_classes(&job->model.net);
    size_t right = 0;
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        td_feed(images, NULL, first, count, td_exec_input(b->execs[which]));
        const float *logits = td_exec_forward(b->execs[which], count);
        for (size_t i = 0; i < count; i++)
            right += td_argmax(logits + i * classes, classes) == images->labels[first + i];
    }
    return (double)right / (double)images->count;
}

/* Trains both as copies of the model, the expert on other labels. */
static td_status learn(detect_job *job, badexpert *b, const td_images *images, td_arena *arena,
                       td_error *error) {
    const td_net *net = &job->model.net;
    const size_t classes = td_net_classes(net);
    td_images wrong = *images;
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &labels, "labels", error));
    for (size_t i = 0; i < images->count; i++)
        labels[i] = (images->labels[i] + 1) % (int32_t)classes;
    wrong.labels = labels;
    for (size_t m = 0; m < MODELS; m++) {
        TD_TRY(TD_ARENA_NEW(&job->run->arena, net->weight_count, &b->weights[m], "weights", error));
        TD_TRY(TD_ARENA_NEW(&job->run->arena, DETECT_BATCH * classes, &b->probabilities[m],
                            "predictions", error));
        memcpy(b->weights[m], job->model.weights, net->weight_count * sizeof *b->weights[m]);
        TD_TRY(train(job, b, m, m == EXPERT ? &wrong : images, error));
        TD_TRY(td_exec_new(&b->execs[m], net, DETECT_BATCH, TD_FORWARD, error));
        td_exec_weights(b->execs[m], b->weights[m]);
        b->accuracy[m] = measure(job, b, m, images);
    }
    return TD_OK;
}

static td_status prepare(detect_job *job, td_error *error) {
    td_arena arena = {0};
    td_images images;
    uint32_t *numbers;
    size_t count;
    badexpert *b;
    TD_TRY(tool_run_match(job->run, &job->clean, error)); /* the labels count */
    TD_TRY(defend_check_data(&job->clean, &job->model.net, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &b, "models", error));
    job->state = b;
    TD_TRY(detect_take_half(job, &numbers, &count, error));
    TD_TRY(detect_check_count(job, error));
    td_status status = defend_gather(&job->clean.images, numbers, count, &arena, &images, error);
    if (status == TD_OK)
        status = learn(job, b, &images, &arena, error);
    td_arena_free(&arena);
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "badexpert"};
    return status;
}

static void close_detector(detect_job *job) {
    const badexpert *b = job->state;
    for (size_t m = 0; b && m < MODELS; m++)
        td_exec_free(b->execs[m]);
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    const badexpert *b = job->state;
    const size_t classes = td_net_classes(&job->model.net);
    (void)numbers, (void)stride;
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        for (size_t m = 0; m < MODELS; m++) {
            td_feed(images, NULL, first, count, td_exec_input(b->execs[m]));
            td_softmax(td_exec_forward(b->execs[m], count), count, classes, b->probabilities[m]);
        }
        td_feed(images, NULL, first, count, td_exec_input(job->exec));
        const float *logits = td_exec_forward(job->exec, count);
        for (size_t i = 0; i < count; i++) {
            const size_t own = i * classes + (size_t)td_argmax(logits + i * classes, classes);
            scores[first + i] = -log10(fmax(badexpert_score((double)b->probabilities[EXPERT][own],
                                                            (double)b->probabilities[TUNED][own]),
                                            least_score));
        }
        TD_TRY(detect_advance(job, count, error));
    }
    return TD_OK;
}

static void calibrate(double *scores, size_t count, double rate, detect_column *column) {
    detect_calibrate_above(scores, count, rate, column);
    column->threshold = -column->threshold;
}

static void describe(const detect_job *job, json_t *calibration) {
    const badexpert *b = job->state;
    td_json *json = &job->run->record.json;
    td_json_set(json, calibration, "expert_accuracy", td_json_real(json, b->accuracy[EXPERT]));
    td_json_set(json, calibration, "tuned_accuracy", td_json_real(json, b->accuracy[TUNED]));
}

static const detector badexpert_detector = {.score_name = "log10 of the score",
                                            .sign = -1,
                                            .rates = {0.01, 0.05, 0.1, 0.2},
                                            .prepare = prepare,
                                            .close = close_detector,
                                            .score = score,
                                            .calibrate = calibrate,
                                            .describe = describe};

#define AT(field) offsetof(badexpert_settings, field)

static const td_key keys[] = {
    DETECT_FPR("0.01"),
    {"expert-epochs", TD_KEY_COUNT, AT(expert_epochs), .least = 1, .most = 100000, .standard = "1",
     .value = "N", .help = "Epochs in which the expert unlearns the classes"},
    {"expert-lr", TD_KEY_REAL, AT(expert_lr), .above = true, .most = INFINITY, .standard = "0.0001",
     .value = "X", .help = "Learning rate of the expert, by Adam"},
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = 100000, .standard = "10", .value = "N",
     .help = "Epochs of fine-tuning"},
    {"lr", TD_KEY_REAL, AT(lr), .above = true, .most = INFINITY, .standard = "0.1", .value = "X",
     .help = "Learning rate that fine-tuning begins with, by SGD"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "makes two models of the given one: one that unlearned its classes and kept a backdoor, and "
    "one fine-tuned on clean images. It flags inputs whose class the first still gives and the "
    "second does not. It trains on half of --clean, with labels."
    "\v"
    "The default rates suit residual nets and thousands of images. The record has the training "
    "accuracy of the two models (expert_accuracy, tuned_accuracy): the expert's should be near 0, "
    "else give it more epochs or a higher --expert-lr; the fine-tuned model's should equal the "
    "model's, else lower --lr, as nets without batch norms need.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend badexpert --model model.safetensors --lr 0.01 \\\n"
    "    --expert-epochs 5 --expert-lr 0.001 --clean fashion-mnist:test:0-4000 \\\n"
    "    --benign fashion-mnist:test:4000-6000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255";

const tool_method defend_badexpert = {
    .name = "badexpert",
    .title = "BaDExpert",
    .source = "Xie et al., ICLR 2024",
    .doc = "inputs whose class survives unlearning",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(badexpert_settings),
    .math = &badexpert_detector,
};
