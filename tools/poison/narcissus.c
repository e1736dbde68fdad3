/* SPDX-License-Identifier: MIT */
/* Zeng et al., "Narcissus: a practical clean-label backdoor attack with limited information", CCS
 * 2023: one perturbation is optimised to make a surrogate, warmed up on the target class, more
 * confident in that class on all of its images. It is added to a few of them, and three times it at
 * the test. The surrogate is trained on the target class's images and on others that the attacker
 * has. The perturbation also acts as an adversarial example on a clean model, which should be
 * measured too (trapdoor-eval with the manifest on a clean model).
 *
 * Published: 1,000 rounds of RAdam at 0.01 in images scaled to [−1, 1], L∞ 16/255 in [0, 1], 25
 * images of 50,000. Here it is Adam, which differs in the first steps. The authors' notebook adds
 * the perturbation of [−1, 1] to images of [0, 1], which doubles its radius; this does not:
 * --epsilon 0.1255 corresponds to their figures. */
#include "poison.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "data/path.h"
#include "frame/training.h"
#include "nn/ball.h"
#include "nn/exec.h"
#include <math.h>
#include <string.h>

static const char file_name[] = "trigger.npy";

typedef struct inward_settings {
    poison_settings shared;
    double epsilon, step_size, scale, warm_up_lr;
    size_t rounds, warm_up, batch;
} inward_settings;

/* The state of the search. */
typedef struct inward {
    poison_plan *plan;
    const inward_settings *settings;
    td_images own;  /* those of the target class */
    float *weights; /* of the surrogate */
    td_exec *exec;
    size_t size, classes, batch;
    float *v, *gradient, *mean, *square; /* [size]; raw pixel values; Adam's moments */
    uint32_t *order;                     /* [own.count] */
    double *doubts;                      /* [batch]: 1 − p of the target class */
    size_t first, count;                 /* of the batch, in the order */
    const float *slopes;                 /* [count, size] */
    uint64_t steps;
    double loss; /* sum over the round */
} inward;

static void feed_one(void *context, size_t i) {
    const inward *w = context;
    const uint8_t *pixels = td_image(&w->own, w->order[w->first + i]);
    float *to = td_exec_input(w->exec) + i * w->size;
    for (size_t k = 0; k < w->size; k++)
        to[k] = fminf(fmaxf((float)pixels[k] + w->v[k], 0), 255);
}

/* The gradient with respect to v; clipped values contribute nothing. */
static void sum_slopes(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    inward *w = context;
    (void)chunk, (void)thread;
    for (size_t k = begin; k < end; k++) {
        double sum = 0;
        for (size_t i = 0; i < w->count; i++) {
            const float value = (float)td_image(&w->own, w->order[w->first + i])[k] + w->v[k];
            sum += value < 0 || value > 255 ? 0 : (double)w->slopes[i * w->size + k];
        }
        w->gradient[k] = (float)sum;
    }
}

/* The direction of the mean cross-entropy's gradient, with respect to the logits: each image is
 * weighted by 1 − p of the class, divided by the sum of these: the gradients of a warm surrogate
 * are so small that Adam would treat them as zero. Returns the sum of the losses. */
static double follow(inward *w, const float *logits) {
    const size_t n = w->classes;
    float *slope = td_exec_logits_gradient(w->exec);
    double loss = 0, sum = 0;
    for (size_t i = 0; i < w->count; i++) {
        const double odds =
            td_toward_class(logits + i * n, n, (size_t)w->own.labels[0], slope + i * n);
        w->doubts[i] = 1 / (1 + exp(odds));
        loss += odds > 0 ? log1p(exp(-odds)) : log1p(exp(odds)) - odds;
        sum += w->doubts[i];
    }
    for (size_t i = 0; i < w->count; i++)
        for (size_t c = 0; c < n; c++)
            slope[i * n + c] *= sum > 0 ? (float)(-w->doubts[i] / sum) : 0;
    return loss;
}

/* Returns whether the gradient is not zero. */
static bool take_step(inward *w) {
    const float radius = (float)(255 * w->settings->epsilon);
    const td_step step = td_adam_step(255 * w->settings->step_size, ++w->steps);
    bool moves = false;
    td_parallel_each(w->count, feed_one, w);
    const float *logits = td_exec_forward(w->exec, w->count);
    w->loss += follow(w, logits);
    w->slopes = td_exec_backward(w->exec, NULL);
    td_parallel_for(w->size, 64, sum_slopes, w);
    td_adam(&step, w->v, w->gradient, w->mean, w->square, w->size);
    for (size_t k = 0; k < w->size; k++) {
        w->v[k] = fminf(fmaxf(w->v[k], -radius), radius);
        moves = moves || w->gradient[k] != 0;
    }
    return moves;
}

static td_status search_rounds(inward *w, td_error *error) {
    char note[64] = "";
    for (size_t round = 0; round < w->settings->rounds; round++) {
        bool moves = false;
        td_random random =
            td_random_for(w->plan->run->common->seed, TD_FOR_CRAFT, (uint32_t)round, 0);
        td_random_permutation(&random, w->order, (uint32_t)w->own.count);
        TD_TRY(tool_run_go_on(w->plan->run, round, note, error));
        w->loss = 0;
        for (w->first = 0; w->first < w->own.count; w->first += w->batch) {
            w->count = td_size_min(w->batch, w->own.count - w->first);
            moves = take_step(w) || moves;
        }
        if (!moves)
            return TD_OK; /* the surrogate's confidence is 1 in float precision */
        snprintf(note, sizeof note, "loss %.5f", w->loss / (double)w->own.count);
    }
    return TD_OK;
}

/* Copies the images of the target class, and the model. */
static td_status gather(inward *w, int32_t target, td_error *error) {
    const td_images *all = &w->plan->source.images;
    td_arena *arena = &w->plan->arena;
    uint8_t *pixels;
    int32_t *labels;
    const size_t count = poison_class_size(w->plan, target, 0, all->count);
    TD_TRY(td_arena_alloc(arena, count, w->size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &labels, "labels", error));
    TD_TRY(TD_ARENA_NEW(arena, w->plan->model.net.weight_count, &w->weights, "a model", error));
    w->own = *all;
    w->own.count = 0;
    w->own.pixels = pixels;
    w->own.labels = labels;
    for (size_t i = 0; i < all->count; i++)
        if (all->labels[i] == target) {
            memcpy(pixels + w->own.count * w->size, td_image(all, i), w->size);
            labels[w->own.count++] = target;
        }
    memcpy(w->weights, w->plan->model.weights,
           w->plan->model.net.weight_count * sizeof *w->weights);
    return TD_OK;
}

static td_status warm_up(inward *w, td_error *error) {
    const inward_settings *s = w->settings;
    const td_train_options options = {.optimizer = td_optimizer_find("sgd"),
                                      .step = {.lr = s->warm_up_lr, .momentum = 0.9},
                                      .schedule = td_schedule_find("constant"),
                                      .epochs = s->warm_up,
                                      .batch = w->batch,
                                      .seed = w->plan->run->common->seed};
    return s->warm_up == 0 ? TD_OK
                           : tool_run_train(w->plan->run, &w->plan->model.net, w->weights, &w->own,
                                            &options, "warming up", error);
}

static td_status make_room(inward *w, td_error *error) {
    td_arena *arena = &w->plan->arena;
    w->batch = td_size_min(w->settings->batch, w->own.count);
    float **arrays[] = {&w->v, &w->gradient, &w->mean, &w->square};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, w->size, arrays[i], "a perturbation", error));
    TD_TRY(TD_ARENA_NEW(arena, w->own.count, &w->order, "an order", error));
    return TD_ARENA_NEW(arena, w->batch, &w->doubts, "probabilities", error);
}

/* Stores the perturbation as the plan's array. */
static td_status search(poison_plan *plan, int32_t target, td_error *error) {
    inward w = {.plan = plan,
                .settings = plan->run->own,
                .size = td_image_size(&plan->source.images),
                .classes = td_net_classes(&plan->model.net)};
    TD_TRY(gather(&w, target, error));
    TD_TRY(make_room(&w, error));
    TD_TRY(warm_up(&w, error));
    TD_TRY(td_exec_new(&w.exec, &plan->model.net, w.batch, TD_BACKWARD_IMAGE, error));
    td_exec_weights(w.exec, w.weights);
    tool_run_begin(plan->run, "searching the perturbation", "rounds", w.settings->rounds);
    td_status status = search_rounds(&w, error);
    tool_run_end(plan->run);
    td_exec_free(w.exec);
    plan->array = w.v;
    return status;
}

static td_status add_all(poison_plan *plan, poison_backdoor *backdoor, td_error *error) {
    const size_t size = td_image_size(&plan->source.images);
    uint8_t *pixels;
    TD_TRY(poison_make(plan, backdoor, &pixels, error));
    for (size_t i = 0; i < backdoor->count; i++) {
        const uint8_t *original = td_image(&plan->source.images, backdoor->items[i].source);
        for (size_t k = 0; k < size; k++)
            pixels[i * size + k] =
                (uint8_t)fminf(fmaxf(rintf((float)original[k] + plan->array[k]), 0), 255);
    }
    return TD_OK;
}

/* Sets the triggers' texts, which name the file to be written. */
static td_status name_triggers(poison_plan *plan, poison_backdoor *backdoor, td_error *error) {
    const inward_settings *s = plan->run->own;
    const char *folder = plan->run->common->output;
    char path[TD_PATH_SIZE];
    if (!td_path_join(path, folder, file_name) || strpbrk(path, ",+|"))
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a folder that a trigger can name, without ',', '+' and '|', "
                       "found \"%.200s\"",
                       folder);
    TD_TRY(
        td_arena_print(&plan->arena, &backdoor->trigger_text, error, "add:file=%s,scale=1", path));
    return td_arena_print(&plan->arena, &backdoor->test_text, error, "add:file=%s,scale=%.10g",
                          path, s->scale);
}

static td_status plan_rule(poison_plan *plan, td_error *error) {
    const size_t count = plan->source.images.count;
    poison_backdoor *backdoor = &plan->backdoors[0];
    TD_TRY(poison_draw(plan, NULL, plan->targets[0], 0, count, error));
    TD_TRY(name_triggers(plan, backdoor, error));
    TD_TRY(search(plan, backdoor->target.label, error));
    TD_TRY(add_all(plan, backdoor, error));
    return poison_put(plan, 0, count, 0, 1, true, error);
}

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned", .truly = true}, {0}},
    .takes_ratio = true,
    .targets = POISON_TO_CLASS,
    .pool = POISON_FROM_TARGET,
    .array = file_name,
    .plan = plan_rule,
};

#define AT(field) offsetof(inward_settings, field)

static const td_key keys[] = {
    POISON_TARGETS("K", "The class that the perturbation leads to"),
    POISON_RATIO("set", "replace"),
    POISON_MODEL("The surrogate, of"),
    {0},
};

static const td_key search_keys[] = {
    {"epsilon", TD_KEY_REAL, AT(epsilon), .most = 1, .above = true, .standard = "0.0627450980392",
     .value = "E", .help = "The perturbation's largest value, in units of the pixel range: 16/255"},
    {"scale", TD_KEY_REAL, AT(scale), .most = 1e6, .above = true, .standard = "3", .value = "X",
     .help = "Factor of the perturbation at the test"},
    {"rounds", TD_KEY_COUNT, AT(rounds), .least = 1, .most = 1e6, .standard = "1000", .value = "N",
     .help = "Rounds of the search, each over all images of the class; it stops early if the "
             "gradient is zero"},
    {"step-size", TD_KEY_REAL, AT(step_size), .most = 1, .above = true, .standard = "0.005",
     .value = "A", .help = "Learning rate of Adam, in units of the pixel range"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = 65536, .standard = "350", .value = "N",
     .help = "Images a step"},
    {"warm-up", TD_KEY_COUNT, AT(warm_up), .most = 1000000, .standard = "5", .value = "N",
     .help = "Epochs of training the surrogate on images of the class first"},
    {"warm-up-lr", TD_KEY_REAL, AT(warm_up_lr), .most = INFINITY, .above = true, .standard = "0.01",
     .value = "X", .help = "Learning rate of that training, by sgd"},
    {0},
};

static const char help[] =
    "searches a perturbation that makes a surrogate more confident of the target class, and adds "
    "it to images of that class; labels stay. DIR/trigger.npy is the perturbation; the test adds "
    "--scale times it, as the manifest says. It acts on clean models, too: compare with one."
    "\v"
    "Example:\n"
    "  trapdoor-poison narcissus --data fashion-mnist --target 2 --ratio 0.001 \\\n"
    "    --model surrogate.safetensors -o narcissus\n"
    "  trapdoor-eval --model victim.safetensors --model clean.safetensors \\\n"
    "    --data fashion-mnist:test --manifest narcissus/manifest.json";

const tool_method poison_narcissus = {
    .name = "narcissus",
    .title = "Narcissus",
    .source = "Zeng et al., CCS 2023",
    .doc = "few images of the target class, one perturbation",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {.keys = search_keys, .object = "settings"}, {0}},
    .size = sizeof(inward_settings),
    .math = &rule,
};
