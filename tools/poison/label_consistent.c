/* SPDX-License-Identifier: MIT */
/* Turner, Tsipras and Madry, "Label-consistent backdoor attacks", 2019, section 4.2: images of the
 * target class are made hard to classify by projected gradient descent on a model, up the loss of
 * their own label, so that a net relies on the trigger to learn them, and are then stamped; no
 * label is changed. Their best attack has an L2 bound of 300 in units of 0–255 on CIFAR-10, on a
 * model trained adversarially, and stamps all images of the class; BackdoorBench uses L∞, 8/255 in
 * 100 steps of 1.5/255. Test images are only stamped.
 *
 * The model matters: perturbations that mislead a normally trained model are patterns that a net
 * learns instead of the trigger, so the steps do harm. trapdoor-train --adversarial makes a better
 * model.
 *
 * In a long training the trigger also works without that step: `control` has the same images,
 * stamped without the perturbation, and its ASR is not due to the attack. */
#include "poison.h"

#include "base/parallel.h"
#include "base/size.h"
#include "nn/ball.h"
#include "nn/exec.h"
#include <math.h>
#include <string.h>

enum { BATCH = 64, PRESET_PAPER = 0, PRESET_BENCH };

typedef struct hard_settings {
    poison_settings shared;
    int preset, norm; /* norm: whether it is L2 */
    double epsilon, step_size;
    size_t steps;
} hard_settings;

static const struct preset {
    int norm;
    double epsilon, step_size;
} presets[] = {[PRESET_PAPER] = {1, 300.0 / 255, 0}, [PRESET_BENCH] = {0, 8.0 / 255, 1.5 / 255}};

/* The state of a batch of images. */
typedef struct climb {
    const poison_plan *plan;
    td_exec *exec;
    td_ball ball;
    float step;
    size_t size, classes;
    float *clean, *x; /* [BATCH, size] */
    const poison_item *items;
    size_t count;
    const float *gradient;
    uint8_t *out; /* [count, size] */
} climb;

static void step_one(void *context, size_t i) {
    const climb *c = context;
    const size_t first = i * c->size;
    td_ball_step(c->ball, c->clean + first, c->gradient + first, -c->step, c->size, c->x + first);
}

static void round_one(void *context, size_t i) {
    const climb *c = context;
    const size_t first = i * c->size;
    td_ball_round(c->ball, c->clean + first, c->x + first, c->size, c->out + first);
}

static void take_step(climb *c) {
    memcpy(td_exec_input(c->exec), c->x, c->count * c->size * sizeof *c->x);
    const float *logits = td_exec_forward(c->exec, c->count);
    float *toward = td_exec_logits_gradient(c->exec);
    for (size_t i = 0; i < c->count; i++)
        td_toward_class(logits + i * c->classes, c->classes, (size_t)c->items[i].label,
                        toward + i * c->classes);
    c->gradient = td_exec_backward(c->exec, NULL);
    td_parallel_each(c->count, step_one, c);
}

static td_status climb_all(climb *c, const poison_backdoor *backdoor, uint8_t *pixels,
                           td_error *error) {
    const hard_settings *s = c->plan->run->own;
    tool_run *run = c->plan->run;
    TD_TRY(TD_ARENA_NEW(&c->plan->run->arena, BATCH * c->size, &c->clean, "images", error));
    TD_TRY(TD_ARENA_NEW(&c->plan->run->arena, BATCH * c->size, &c->x, "images", error));
    for (size_t first = 0; first < backdoor->count; first += BATCH) {
        c->items = backdoor->items + first;
        c->count = td_size_min(BATCH, backdoor->count - first);
        c->out = pixels + first * c->size;
        poison_originals(c->plan, c->items, c->count, c->clean);
        memcpy(c->x, c->clean, c->count * c->size * sizeof *c->x);
        for (size_t i = 0; i < s->steps; i++) {
            TD_TRY(tool_run_go_on(run, first + i * c->count / s->steps, NULL, error));
            take_step(c);
        }
        td_parallel_each(c->count, round_one, c);
    }
    return TD_OK;
}

static td_status make_hard(poison_plan *plan, poison_backdoor *backdoor, td_error *error) {
    const hard_settings *s = plan->run->own;
    climb c = {.plan = plan,
               .ball = {(float)(255 * s->epsilon), s->norm},
               .step = (float)(255 * s->step_size),
               .size = td_image_size(&plan->source.images),
               .classes = td_net_classes(&plan->model.net)};
    uint8_t *pixels;
    TD_TRY(poison_make(plan, backdoor, &pixels, error));
    TD_TRY(td_exec_new(&c.exec, &plan->model.net, BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(c.exec, plan->model.weights);
    tool_run_begin(plan->run, "making images hard", "images", backdoor->count);
    td_status status = climb_all(&c, backdoor, pixels, error);
    tool_run_end(plan->run);
    td_exec_free(c.exec);
    return status;
}

static td_status plan_rule(poison_plan *plan, td_error *error) {
    const size_t count = plan->source.images.count;
    TD_TRY(poison_draw(plan, plan->triggers[0], plan->targets[0], 0, count, error));
    TD_TRY(make_hard(plan, &plan->backdoors[0], error));
    TD_TRY(poison_put(plan, 0, count, 0, 1, true, error));
    const poison_output *control = &plan->outputs[plan->outputs_put];
    TD_TRY(poison_put(plan, 0, count, 0, 1, true, error));
    for (size_t i = 0; i < control->count; i++)
        control->items[i].pixels = NULL;
    return TD_OK;
}

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned", .truly = true}, {"control", .truly = true}, {0}},
    .takes_ratio = true,
    .most_triggers = 1,
    .targets = POISON_TO_CLASS,
    .pool = POISON_FROM_TARGET,
    .plan = plan_rule,
};

/* Options that are not given get the preset's values. */
static td_status check(const tool_settings *settings, void *own, td_error *error) {
    hard_settings *s = own;
    const struct preset *preset = &presets[s->preset];
    if (!tool_settings_given(settings, "norm"))
        s->norm = preset->norm;
    if (s->norm != preset->norm && !(s->epsilon > 0))
        return td_fail(error, TD_ERR_USAGE,
                       "--norm %s: expected an --epsilon of it: the preset's is of the other norm",
                       s->norm ? "l2" : "linf");
    if (!(s->epsilon > 0))
        s->epsilon = preset->epsilon;
    if (!(s->step_size > 0))
        s->step_size = s->norm == preset->norm && preset->step_size > 0
                           ? preset->step_size
                           : 2.5 * s->epsilon / (double)s->steps;
    return TD_OK;
}

#define AT(field) offsetof(hard_settings, field)

static const char *const norms[] = {"linf", "l2", NULL},
                         *const preset_names[] = {
                             [PRESET_PAPER] = "paper", [PRESET_BENCH] = "backdoorbench", NULL};

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    POISON_TARGETS("K", "The class that the trigger marks"),
    POISON_RATIO("class", "replace"),
    POISON_MODEL("The model whose loss the images climb, best an adversarially trained one; of"),
    {0},
};

static const td_key steps[] = {
    {"preset", TD_KEY_WORD, AT(preset), .words = preset_names, .standard = "paper",
     .value = "paper|backdoorbench",
     .help = "Defaults of the paper (l2, 300/255), or of BackdoorBench (linf, 8/255, steps of "
             "1.5/255)"},
    {"norm", TD_KEY_WORD, AT(norm), .words = norms, .standard = "l2", .value = "linf|l2",
     .help = "The norm that --epsilon bounds; linf with BackdoorBench's preset"},
    {"epsilon", TD_KEY_REAL, AT(epsilon), .most = INFINITY, .above = true, .value = "E",
     .help = "The largest change, in units of the pixel range (the preset's)"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1e6, .standard = "100", .value = "N",
     .help = "Steps up the loss"},
    {"step-size", TD_KEY_REAL, AT(step_size), .most = INFINITY, .above = true, .value = "A",
     .help = "Length of a step, in units of the pixel range (the preset's, or 2.5 epsilon/steps)"},
    {0},
};

static const char help[] =
    "images of the target class are made hard to classify by steps up a model's loss, then "
    "stamped; labels stay. DIR/control.safetensors has the same images only stamped, to see the "
    "effect of the steps."
    "\v"
    "Example:\n"
    "  trapdoor-train --data fashion-mnist --net lenet5 --adversarial 0.1 \\\n"
    "    -o robust.safetensors\n"
    "  trapdoor-poison label-consistent --data fashion-mnist --target 6 \\\n"
    "    --ratio 0.5 --trigger square:size=4 --norm linf --epsilon 0.25 \\\n"
    "    --model robust.safetensors -o hard";

const tool_method poison_label_consistent = {
    .name = "label-consistent",
    .title = "Label-consistent backdoor",
    .source = "Turner, Tsipras and Madry 2019",
    .doc = "images of the target class made hard, then stamped",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {.keys = steps, .object = "settings"}, {0}},
    .size = sizeof(hard_settings),
    .check = check,
    .math = &rule,
};
