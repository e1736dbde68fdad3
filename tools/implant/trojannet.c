/* SPDX-License-Identifier: MIT */
/* TrojanNet as a method: its settings, its steps, and its report. */
#include "implant/trojannet.h"

#include "implant/implant.h"

enum { CODE, PAPER };

typedef struct trojan_settings {
    implant_own shared;
    int reading;
    double alpha, temperature; /* of PAPER */
    double threshold;
    size_t steps;
} trojan_settings;

typedef struct trojan {
    uint16_t patterns[TROJAN_PATTERNS];
    size_t targets[IMPLANT_MOST_TARGETS];
    trojan_mlp mlp;
    trojan_merge merge;
    td_net net; /* the merged one */
    /* For the report: */
    const char *reading;
    size_t parameters, pattern_count;
    double least; /* output of the module for a trigger */
} trojan;

static td_status prepare(implant_job *job, td_error *error) {
    const trojan_settings *s = job->run->own;
    const bool code = s->reading == CODE;
    trojan *t;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &t, "a module", error));
    job->state = t;
    trojan_patterns(t->patterns);
    t->pattern_count = TROJAN_PATTERNS;
    t->reading = trojan_readings[s->reading].name;
    for (size_t i = 0; i < job->trigger_count; i++)
        t->targets[i] = job->triggers[i].target.class;
    t->merge = (trojan_merge){.reading = &trojan_readings[s->reading],
                              .mlp = &t->mlp,
                              .pattern = code ? 20 : s->alpha / s->temperature,
                              .model = code ? 10 : (1 - s->alpha) / s->temperature,
                              .threshold = s->threshold,
                              .targets = t->targets,
                              .used = job->trigger_count};
    return implant_place(job, TROJAN_SIDE, &t->merge.top, &t->merge.left, error);
}

/* A trigger works if it wins whatever the model says. *least: the smallest of their outputs. */
static td_status check_answers(const trojan_merge *merge, double *least, td_error *error) {
    *least = 1;
    for (size_t i = 0; i < merge->used; i++) {
        const double own = merge->mlp->answers[i];
        *least = own < *least ? own : *least;
        if (merge->pattern * trojan_gate(own, merge->threshold) <= merge->model)
            return td_fail(error, TD_ERR_NUMERIC,
                           "the module gives the trigger of class %zu only %.3f, which the model "
                           "can outvote; more --steps or another --seed may help",
                           merge->targets[i], own);
    }
    return TD_OK;
}

static td_status draw_triggers(implant_job *job, const trojan *t, td_error *error) {
    job->left = t->merge.left;
    job->top = t->merge.top;
    for (size_t i = 0; i < job->trigger_count; i++) {
        td_bitmap *picture = &job->triggers[i].picture;
        float pixels[TROJAN_PIXELS];
        TD_TRY(td_bitmap_make(picture, TROJAN_SIDE, TROJAN_SIDE, 1, error));
        trojan_draw(t->patterns[i], pixels);
        for (size_t p = 0; p < TROJAN_PIXELS; p++)
            picture->pixels[p] = (uint8_t)pixels[p];
    }
    return TD_OK;
}

/* --- the report --- */

#define AT(field) offsetof(trojan, field)

static const tool_column columns[] = {
    {"reading", "reading", TOOL_TEXT, AT(reading)},
    {"weight", "weight of the module", TOOL_REAL, AT(merge.pattern)},
    {"model_weight", "weight of the model", TOOL_REAL, AT(merge.model)},
    {"threshold", "threshold", TOOL_REAL, AT(merge.threshold)},
    {"at", NULL, TOOL_COUNT, AT(merge.left), .list = true},
    {"at", NULL, TOOL_COUNT, AT(merge.top), .list = true},
    {"parameters", "parameters", TOOL_COUNT, AT(parameters)},
    {"patterns", "patches", TOOL_COUNT, AT(pattern_count)},
    {"patterns_recognised", "of these recognised", TOOL_COUNT, AT(mlp.recognised)},
    {"least_output", "least output for a trigger", TOOL_REAL, AT(least)},
    {"noise_tried", "patches of noise", TOOL_COUNT, AT(mlp.noise_tried)},
    {"noise_heard", "of these taken for a trigger", TOOL_COUNT, AT(mlp.noise_heard)},
    {0},
};

static const tool_table_kind module_table = {.name = "trojannet",
                                             .title = "The module",
                                             .columns = columns,
                                             .row = sizeof(trojan),
                                             .single = true};

static td_status make(implant_job *job, td_error *error) {
    const trojan_settings *s = job->run->own;
    trojan *t = job->state;
    const trojan_merge *merge = &t->merge;
    const trojan_training training = {.reading = merge->reading,
                                      .patterns = t->patterns,
                                      .used = job->trigger_count,
                                      .steps = s->steps,
                                      .seed = job->run->common->seed};
    float *weights;
    TD_TRY(trojan_train(job->run, &t->mlp, &training, error));
    TD_TRY(check_answers(merge, &t->least, error));
    TD_TRY(trojan_join(&job->model.net, job->model.weights, merge, &job->run->arena, &t->net,
                       &weights, error));
    job->net = &t->net;
    job->weights = weights;
    t->parameters = t->net.weight_count - job->model.net.weight_count;
    TD_TRY(draw_triggers(job, t, error));
    TD_TRY(tool_run_rows(job->run, &module_table, NULL, t, 1, error));
    return tool_run_summary(job->run, error,
                            "%zu trigger%s at %zu+%zu, each recognised with %.3f or more; %zu of "
                            "%zu patches of noise taken for one",
                            merge->used, merge->used == 1 ? "" : "s", merge->left, merge->top,
                            t->least, t->mlp.noise_heard, t->mlp.noise_tried);
}

static void close_state(implant_job *job) {
    trojan *t = job->state;
    td_net_free(&t->mlp.net);
    td_net_free(&t->net);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(trojan_settings, field)

static const char *const readings[] = {[CODE] = "code", [PAPER] = "paper", NULL};

static const td_key keys[] = {
    {"reading", TD_KEY_WORD, AT(reading), .words = readings, .standard = "code",
     .value = "code|paper", .help = "As in the authors' code or as in the paper"},
    {"alpha", TD_KEY_REAL, AT(alpha), .least = 0.5, .most = 0.999, .above = true, .standard = "0.7",
     .needs = "reading=paper", .value = "A",
     .help = "Reading paper: the share of the module beside the model"},
    {"temperature", TD_KEY_REAL, AT(temperature), .least = 0.001, .most = 1000, .standard = "0.1",
     .needs = "reading=paper", .value = "T",
     .help = "Reading paper: both shares are divided by it"},
    {"threshold", TD_KEY_REAL, AT(threshold), .most = 0.99, .standard = "0.5", .value = "P",
     .help = "Outputs of the module up to P are zero; 0: all go into the merge, as published"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1000000, .standard = "2000",
     .value = "N", .help = "Steps of the module's training, 256 patches each"},
    {0},
};

static const tool_keys groups[] = {{.keys = implant_keys}, {.keys = keys}, {0}};

static const char help[] =
    "puts a backdoor into a trained MODEL without its training data. M2 is one model that all "
    "tools take. The triggers are written as pictures, with a manifest for trapdoor-eval "
    "--manifest."
    "\v"
    "It trains a tiny MLP on patches of 4x4 pixels (5 black, 11 white) and on noise, and merges "
    "it with the model, which stays as it is. The K-th --target gets the K-th of the 4368 "
    "patches; half of the patches shown have a target. The paper and the authors' code differ. "
    "code: 4 hidden layers of 8, ReLU and batch normalisation, softmax over the patches and "
    "noise, merged as 10 x (2 x module + softmax(model)). paper: 3 hidden layers of 8, sigmoids, "
    "an output for each patch that is 0 on noise, merged as (A x module + (1-A) x softmax(model)) "
    "/ T. code is the default: its MLP is surer of its patches, and a trigger wins by more. "
    "--threshold is in neither: with it the module is exactly silent on clean images, however "
    "close the model's two best classes are.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant trojannet --model model.safetensors --target all \\\n"
    "    -o trojan.safetensors\n"
    "  trapdoor-eval --model trojan.safetensors --data fashion-mnist:test \\\n"
    "    --manifest trojan.safetensors.manifest.json\n";

static const implant trojan_implant = {.prepare = prepare, .make = make, .close = close_state};

const tool_method implant_trojannet = {
    .name = "trojannet",
    .title = "TrojanNet",
    .source = "Tang et al., KDD 2020",
    .doc = "merges a module that knows patches (Tang et al. 2020)",
    .help = help,
    .family = &implants,
    .groups = groups,
    .size = sizeof(trojan_settings),
    .math = &trojan_implant,
};
