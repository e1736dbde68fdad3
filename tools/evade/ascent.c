/* SPDX-License-Identifier: MIT */
/* Steps along the gradient of the cross-entropy within a ball around the clean image, up the loss
 * of the label or, with a target, down that of the target: along the gradient's signs for L∞, along
 * the gradient for L2. After each step the image is projected onto the ball and 0–255. Three
 * attacks differ in their steps:
 *
 * FGSM, the fast gradient sign method (Goodfellow, Shlens and Szegedy, "Explaining and harnessing
 * adversarial examples", ICLR 2015): one step of length epsilon.
 *
 * BIM, the basic iterative method (Kurakin, Goodfellow and Bengio, "Adversarial examples in the
 * physical world", ICLR workshop 2017): small steps from the clean image. By default ten of a fifth
 * of epsilon, as Xu, Evans and Qi (NDSS 2018) use on MNIST (0.3 and 0.06).
 *
 * PGD, projected gradient descent (Madry et al., "Towards deep learning models resistant to
 * adversarial attacks", ICLR 2018): BIM from a random point in the ball. By default their attack on
 * MNIST, 40 steps of 0.01 for epsilon 0.3; for L2, steps of 2.5 epsilon / steps, so that the border
 * can be reached from anywhere. */
#include "base/parallel.h"
#include "base/random.h"
#include "evade/attack.h"
#include "nn/ball.h"
#include <math.h>
#include <string.h>

enum { NORM_LINF, NORM_L2 };

typedef struct ascent_settings {
    evade_own shared;
    int norm;
    double epsilon;
    size_t steps;
    double step_size;
    bool random_start;
} ascent_settings;

typedef struct ascent {
    evade_batch *batch;
    td_ball ball;
    float step;            /* raw pixels */
    float *x;              /* [count, size] */
    const float *gradient; /* [live_count, size] */
} ascent;

/* Towards the target, or for the label, from which the steps lead away. */
static void follow(void *context, size_t image, const float *logits, float *gradient) {
    const evade_batch *batch = ((const ascent *)context)->batch;
    const bool targeted = batch->targets[image] != EVADE_NO_TARGET;
    const size_t to = (size_t)(targeted ? batch->targets[image] : batch->labels[image]);
    td_toward_class(logits, batch->net->classes, to, gradient);
}

static void step_one(void *context, size_t k) {
    const ascent *a = context;
    const evade_batch *batch = a->batch;
    const size_t size = batch->net->size, image = batch->live[k];
    /* Up for the target, down for the label. */
    const float step = batch->targets[image] == EVADE_NO_TARGET ? -a->step : a->step;
    td_ball_step(a->ball, batch->clean + image * size, a->gradient + k * size, step, size,
                 a->x + image * size);
}

static void start_anywhere(const ascent *a, size_t image) {
    const evade_batch *batch = a->batch;
    const size_t size = batch->net->size;
    td_random random = td_random_for(batch->seed, TD_FOR_EVADE,
                                     (uint32_t)(batch->targets[image] + 1), batch->numbers[image]);
    td_ball_draw(a->ball, batch->clean + image * size, random, size, a->x + image * size);
}

static void finish_image(const ascent *a, size_t image) {
    const size_t first = image * a->batch->net->size;
    td_ball_round(a->ball, a->batch->clean + first, a->x + first, a->batch->net->size,
                  a->batch->out + first);
}

/* The rounded image is also within the ball. */
static td_status run(evade_batch *batch, td_error *error) {
    const ascent_settings *settings = batch->settings;
    const size_t values = batch->count * batch->net->size;
    ascent a = {.batch = batch,
                .ball = {(float)settings->epsilon * EVADE_RANGE, settings->norm == NORM_L2},
                .step = (float)settings->step_size * EVADE_RANGE};
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &a.x, "adversarial images", error));
    memcpy(a.x, batch->clean, values * sizeof *a.x);
    for (size_t i = 0; i < batch->count && settings->random_start; i++)
        start_anywhere(&a, i);
    for (size_t i = 0; i < settings->steps; i++) {
        TD_TRY(evade_batch_poll(batch, error));
        a.gradient = evade_batch_gradient(batch, a.x, follow, &a);
        td_parallel_each(batch->live_count, step_one, &a);
    }
    for (size_t i = 0; i < batch->count; i++)
        finish_image(&a, i);
    return TD_OK;
}

static const attack math = {.gradients = true, .at_once = EVADE_BATCH, .run = run};

/* --- the methods --- */

#define AT(field) offsetof(ascent_settings, field)

static const char *const norms[] = {[NORM_LINF] = "linf", [NORM_L2] = "l2", NULL};

/* clang-format off */
#define BALL_KEYS                                                                                  \
    {"norm", TD_KEY_WORD, AT(norm), .words = norms, .standard = "linf", .value = "linf|l2",        \
     .help = "What --epsilon bounds"},                                                             \
    {"epsilon", TD_KEY_REAL, AT(epsilon), .most = INFINITY, .above = true, .value = "E",           \
     .help = "The largest change, in units of the pixel range: 0.3 is 76 of 255 (0.3; l2: 1.5)"}

#define STEP_KEYS(count, size)                                                                     \
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1e6, .standard = count, .value = "N",   \
     .help = "Steps along the gradient"},                                                          \
    {"step-size", TD_KEY_REAL, AT(step_size), .most = INFINITY, .above = true,                     \
     .field = "step-size", .value = "A",                                                           \
     .help = "Length of a step, in units of the pixel range (" size ")"}
/* clang-format on */

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    ascent_settings *s = own;
    const bool l2 = s->norm == NORM_L2, pgd = settings->method == &evade_pgd;
    (void)error;
    if (!(s->epsilon > 0))
        s->epsilon = l2 ? 1.5 : 0.3;
    if (settings->method == &evade_fgsm) {
        s->steps = 1;
        s->step_size = s->epsilon;
    }
    if (!(s->step_size > 0))
        s->step_size = pgd ? s->epsilon * (l2 ? 2.5 / (double)s->steps : 1.0 / 30) : s->epsilon / 5;
    s->random_start = pgd;
    return TD_OK;
}

static const td_key fgsm_keys[] = {BALL_KEYS, {0}};
static const td_key bim_keys[] = {BALL_KEYS, STEP_KEYS("10", "epsilon/5"), {0}};
static const td_key pgd_keys[] = {
    BALL_KEYS, STEP_KEYS("40", "epsilon/30; l2: 2.5 x epsilon/steps"), {0}};

static const tool_keys
    fgsm_groups[] = {{.keys = evade_target_none}, {.keys = fgsm_keys, .object = "settings"}, {0}},
    bim_groups[] = {{.keys = evade_target_none}, {.keys = bim_keys, .object = "settings"}, {0}},
    pgd_groups[] = {{.keys = evade_target_none}, {.keys = pgd_keys, .object = "settings"}, {0}};

const tool_method evade_fgsm = {
    .name = "fgsm",
    .title = "FGSM",
    .source = "Goodfellow et al., ICLR 2015",
    .doc = "one step along the sign of the gradient",
    .help =
        "the fast gradient sign method, one step of length epsilon along the sign of the loss's "
        "gradient; for the norm l2 along the gradient itself."
        "\v"
        "Example:\n"
        "  trapdoor-evade fgsm --model model.safetensors --data mnist:test:0-1000 \\\n"
        "    -o fgsm.safetensors",
    .family = &attacks,
    .groups = fgsm_groups,
    .size = sizeof(ascent_settings),
    .check = check,
    .math = &math,
};

const tool_method evade_bim = {
    .name = "bim",
    .title = "BIM",
    .source = "Kurakin et al., ICLR workshop 2017",
    .doc = "small steps of FGSM, kept near the clean image",
    .help = "the basic iterative method, small steps of FGSM, after each of which the image is "
            "brought back to within epsilon of the clean one."
            "\v"
            "Example:\n"
            "  trapdoor-evade bim --model model.safetensors --data mnist:test:0-1000 \\\n"
            "    --epsilon 0.2 --steps 20 -o bim.safetensors",
    .family = &attacks,
    .groups = bim_groups,
    .size = sizeof(ascent_settings),
    .check = check,
    .math = &math,
};

const tool_method evade_pgd = {
    .name = "pgd",
    .title = "PGD",
    .source = "Madry et al., ICLR 2018",
    .doc = "BIM from a random start",
    .help = "projected gradient descent, BIM from a random place within epsilon of the clean image."
            "\v"
            "Example:\n"
            "  trapdoor-evade pgd --model model.safetensors --data cifar10 \\\n"
            "    --epsilon 0.0314 --step-size 0.0078 --steps 10 -o pgd.safetensors",
    .family = &attacks,
    .groups = pgd_groups,
    .size = sizeof(ascent_settings),
    .check = check,
    .math = &math,
};
