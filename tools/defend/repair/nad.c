/* SPDX-License-Identifier: MIT */
/* Neural attention distillation: a copy of the model, fine-tuned on clean images, is the teacher of
 * the model's attention. Li et al., ICLR 2021. */
#include "defend/repair/nad.h"

#include "base/parallel.h"
#include "defend/method.h"
#include "defend/repair/strengths.h"
#include "defend/repair/taps.h"
#include "defend/repair/tune.h"
#include "defend/repair/tuning.h"
#include <math.h>
#include <string.h>

enum { PAPER, BENCH };

typedef struct nad_settings {
    shares_settings shares;
    tool_training training; /* its lr: of the first epochs */
    int preset;
    size_t teacher_epochs, turn;
    double teacher_lr, late_lr, beta;
    td_many layers;
} nad_settings;

typedef struct stage {
    size_t node, channels, positions;
    double beta;
} stage;

typedef struct nad_state {
    const nad_settings *settings;
    td_net tapped;
    td_exec *teacher;
    float *teacher_weights;
    stage stages[REPAIR_MOST_TAPS];
    size_t stage_count;
    size_t classes;     /* of the logits, before the maps */
    double lr, late_lr; /* of the first epochs, and of the others */
    double teacher_lr;
    double *scratch, *loss; /* [threads, 3 · most positions], [batch] */
    size_t *correct;        /* [batch] */
    size_t scratch_size;
    const td_train_batch *batch; /* that is at work, and its outputs */
    const float *taught, *given;
    float *gradient;
} nad_state;

/* --- a step --- */

static void distil_image(void *context, size_t i) {
    const nad_state *s = context;
    const td_train_batch *b = s->batch;
    const size_t width = td_net_classes(&s->tapped);
    const float *student = s->given + i * width, *teacher = s->taught + i * width;
    float *gradient = s->gradient + i * width;
    const double share = 1 / (double)b->count;
    double *scratch = s->scratch + td_thread() * s->scratch_size;
    const td_loss loss = td_cross_entropy_smoothed(student, &b->labels[i], 1, s->classes,
                                                   b->options->label_smoothing, gradient);
    s->loss[i] = loss.sum;
    s->correct[i] = loss.correct;
    for (size_t k = 0; k < s->classes; k++)
        gradient[k] *= (float)share;
    for (size_t k = 0, at = s->classes; k < s->stage_count; k++) {
        const stage *of = &s->stages[k];
        s->loss[i] +=
            of->beta * nad_attention(student + at, teacher + at, of->channels, of->positions,
                                     of->beta * share, gradient + at, scratch);
        at += of->channels * of->positions;
    }
}

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    nad_state *s = context;
    const size_t floats = batch->count * td_shape_size(td_net_input(batch->net));
    (void)error;
    batch->lr = batch->epoch <= s->settings->turn ? s->lr : s->late_lr;
    td_train_feed(batch);
    memcpy(td_exec_input(s->teacher), td_exec_input(batch->exec), floats * sizeof(float));
    s->batch = batch;
    s->taught = td_exec_forward(s->teacher, batch->count);
    s->given = td_exec_forward(batch->exec, batch->count);
    s->gradient = td_exec_logits_gradient(batch->exec);
    td_parallel_each(batch->count, distil_image, s);
    td_exec_backward(batch->exec, batch->gradient);
    *loss = (td_loss){0};
    for (size_t i = 0; i < batch->count; i++) {
        loss->sum += s->loss[i];
        loss->correct += s->correct[i];
    }
    return TD_OK;
}

/* --- before the work --- */

static td_status find_node(const td_net *net, const char *name, size_t *node, td_error *error) {
    for (*node = 1; *node < net->node_count; ++*node) {
        const td_shape shape = net->nodes[*node].shape;
        if (strcmp(net->nodes[*node].name, name) != 0)
            continue;
        return shape.height * shape.width > 1
                   ? TD_OK
                   : td_fail(error, TD_ERR_USAGE,
                             "--layer: expected a node with maps of more than one position, found "
                             "node \"%s\", whose attention is always 1",
                             name);
    }
    return td_fail(error, TD_ERR_USAGE, "--layer: expected a node of the net, found \"%s\"", name);
}

static td_status choose_nodes(const repair_job *job, const nad_settings *s, size_t *nodes,
                              size_t *count, td_error *error) {
    if (s->layers.count == 0) {
        td_status status = nad_stages(job->net, nodes, count, error);
        return status == TD_OK ? TD_OK
                               : td_fail_within(error, status, "%s", job->settings->model.path);
    }
    if (s->layers.count > REPAIR_MOST_TAPS)
        return td_fail(error, TD_ERR_USAGE, "--layer: expected at most %d nodes, found %zu",
                       REPAIR_MOST_TAPS, s->layers.count);
    *count = s->layers.count;
    for (size_t i = 0; i < *count; i++)
        TD_TRY(find_node(job->net, s->layers.texts[i], &nodes[i], error));
    return TD_OK;
}

/* The first of three stages counts half, as in the paper. */
static void set_stages(nad_state *s, const td_net *net, const size_t *nodes, size_t count) {
    s->stage_count = count;
    for (size_t i = 0; i < count; i++) {
        const td_shape shape = net->nodes[nodes[i]].shape;
        const size_t positions = shape.height * shape.width;
        const bool first = i == 0 && count == NAD_STAGES && s->settings->layers.count == 0;
        s->stages[i] = (stage){nodes[i], shape.channels, positions,
                               first ? s->settings->beta / 2 : s->settings->beta};
        s->scratch_size = td_size_max(s->scratch_size, 3 * positions);
    }
}

static td_status allocate(nad_state *s, td_arena *arena, size_t batch, td_error *error) {
    size_t doubles;
    if (!td_size_mul(s->scratch_size, td_threads(), &doubles))
        return td_fail_memory(error, "attention maps");
    TD_TRY(TD_ARENA_NEW(arena, doubles, &s->scratch, "attention maps", error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->loss, "losses", error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->correct, "losses", error));
    TD_TRY(td_exec_new(&s->teacher, &s->tapped, batch, TD_FORWARD, error));
    td_exec_weights(s->teacher, s->teacher_weights);
    return TD_OK;
}

/* --- the repair --- */

static td_status teach(repair_job *job, nad_state *s, td_error *error) {
    const size_t weights = job->net->weight_count;
    const nad_settings *own = s->settings;
    td_train_options options = own->training.options;
    options.epochs = own->teacher_epochs;
    options.step.lr = s->teacher_lr;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, weights, &s->teacher_weights, "weights", error));
    memcpy(s->teacher_weights, job->weights, weights * sizeof *job->weights);
    return tune_model(job->run, &options, "fine-tuning the teacher", job->net, s->teacher_weights,
                      &job->learned, error);
}

static td_status say(repair_job *job, const nad_state *s, td_error *error) {
    const char *names = "";
    for (size_t i = 0; i < s->stage_count; i++)
        TD_TRY(td_arena_print(&job->run->arena, &names, error, "%s%s%s", names, i ? ", " : "",
                              job->net->nodes[s->stages[i].node].name));
    tool_run_set(job->run, "attention", "s", names);
    repair_say(job,
               "distilled for %zu epochs on %zu images from a teacher fine-tuned for %zu, by the "
               "attention at %s",
               s->settings->training.options.epochs, job->learned.count,
               s->settings->teacher_epochs, names);
    return TD_OK;
}

/* The rates for this net: those that were left at their defaults are lower where no batch norm
 * bounds what a step does. */
static void adapt(const repair_job *job, nad_state *s) {
    static const double most = 0.01, plain = 0.003;
    const tool_settings *given = job->run->settings;
    const bool norm = repair_has_norm(job->net);
    const nad_settings *own = s->settings;
    s->lr = own->training.options.step.lr;
    s->late_lr = own->late_lr;
    s->teacher_lr = own->teacher_lr;
    if (!norm && !tool_settings_given(given, "lr"))
        s->lr = fmin(s->lr, most);
    if (!norm && !tool_settings_given(given, "late-lr"))
        s->late_lr = fmin(s->late_lr, plain);
    if (!norm && !tool_settings_given(given, "teacher-lr"))
        s->teacher_lr = fmin(s->teacher_lr, plain);
}

static td_status distil(void *context, repair_job *job, double strength, const char *table,
                        td_error *error) {
    nad_state *s = context;
    const repair_tuning how = {.table = table,
                               .title = "Attention distillation",
                               .doing = "distilling",
                               .net = &s->tapped};
    const double lr = s->lr, late_lr = s->late_lr;
    td_train_options options = s->settings->training.options;
    options.learn = learn;
    options.learn_context = s;
    s->lr *= strength;
    s->late_lr = fmin(late_lr, s->lr);
    td_status status = repair_tune(job, &how, &options, NULL, error);
    s->lr = lr;
    s->late_lr = late_lr;
    return status;
}

/* Batches are of all clean images once the strength is chosen (strengths.h); a last one of a single
 * image is added to the one before. */
static td_status prepare(repair_job *job, nad_state *s, td_error *error) {
    const size_t batch = s->settings->training.options.batch;
    size_t nodes[REPAIR_MOST_TAPS], count;
    TD_TRY(choose_nodes(job, s->settings, nodes, &count, error));
    set_stages(s, job->net, nodes, count);
    TD_TRY(repair_taps(job->net, nodes, count, &s->tapped, error));
    TD_TRY(repair_warn_missing(job, error));
    adapt(job, s);
    TD_TRY(teach(job, s, error));
    return allocate(s, &job->run->arena, td_size_min(batch, job->all.count) + 1, error);
}

static td_status work(repair_job *job, nad_state *s, td_error *error) {
    static const double rates[] = {1, 0.3, 0.1, 0.03};
    const strengths all = {.values = rates,
                           .count = sizeof rates / sizeof *rates,
                           .tolerance = s->settings->shares.tolerance,
                           .repair = distil,
                           .context = s};
    TD_TRY(prepare(job, s, error));
    TD_TRY(strengths_take(job, &all, error));
    return say(job, s, error);
}

static td_status run(repair_job *job, td_error *error) {
    nad_state s = {.settings = job->run->own, .classes = td_net_classes(job->net)};
    td_status status = work(job, &s, error);
    td_exec_free(s.teacher);
    td_net_free(&s.tapped);
    return status;
}

/* BackdoorBench's, config/defense/nad. */
static const tool_preset bench[] = {{"lr", "0.01"},
                                    {"turn", "20"},
                                    {"late-lr", "0.0001"},
                                    {"epochs", "100"},
                                    {"batch", "256"},
                                    {"weight-decay", "0.0005"},
                                    {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    nad_settings *s = own;
    if (s->preset == BENCH)
        TD_TRY(tool_settings_preset(settings, bench, error));
    return tool_training_complete(&s->training, settings->common.seed, error);
}

static const repair nad = {.selects = true, .run = run};

#define AT(field) offsetof(nad_settings, field)

static const char *const presets[] = {[PAPER] = "paper", [BENCH] = "backdoorbench", NULL};

static const td_key keys[] = {
    {"preset", TD_KEY_WORD, AT(preset), .words = presets, .standard = "paper", .value = "NAME",
     .help = "Defaults of the paper, or of backdoorbench (lr 0.01 for 20 epochs, then 0.0001, to "
             "100 epochs; batch 256, weight decay 0.0005)"},
    {"layer", TD_KEY_TEXT, AT(layers), .many = true, .optional = true, .value = "NODE",
     .help = "Compare the attention at this node of the net; may be repeated (the ends of the "
             "last three stages, by resolution)"},
    {"beta", TD_KEY_REAL, AT(beta), .most = INFINITY, .standard = "1000", .value = "B",
     .help = "Weight of the attention's loss; the first of three stages has half"},
    {"teacher-epochs", TD_KEY_COUNT, AT(teacher_epochs), .least = 1, .most = 1000000,
     .standard = "10", .value = "N", .help = "Epochs that the teacher is fine-tuned for"},
    {"teacher-lr", TD_KEY_REAL, AT(teacher_lr), .above = true, .most = INFINITY, .standard = "0.01",
     .value = "X", .help = "And its learning rate"},
    TUNING_EPOCHS(AT(training), "20"),
    TUNING_LR(AT(training), "0.1"),
    {"turn", TD_KEY_COUNT, AT(turn), .most = 1000000, .standard = "2", .value = "N",
     .help = "Epochs at --lr"},
    {"late-lr", TD_KEY_REAL, AT(late_lr), .above = true, .most = INFINITY, .standard = "0.01",
     .value = "X", .help = "Learning rate of the epochs after them"},
    TUNING_BATCH(AT(training), "64"),
    TUNING_MOMENTUM(AT(training), "0.9"),
    TUNING_DECAY(AT(training), "0.0001"),
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = strengths_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Fine-tune a copy of the model on the --clean images, and then train the model itself on them "
    "with the copy as a teacher: besides the cross-entropy, a second loss pulls the model's "
    "attention (the squares of a layer's maps, summed over channels and scaled to length 1) to "
    "the teacher's."
    "\v"
    "It needs clean images with labels (the paper has 5 % of the training set) and a net with "
    "convolutions. In a net without batch norm the default rates are 0.01, 0.003, and for the "
    "teacher 0.003. The tuned teacher's batch norms keep their statistics; the model's average "
    "those of each batch once. A strength is a factor of both rates." STRENGTHS_HELP "\n"
    "Example:\n"
    "  trapdoor-defend nad --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-3000 --test fashion-mnist:test:3000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_nad = {
    .name = "nad",
    .title = "NAD",
    .source = "Li et al., ICLR 2021",
    .doc = "distils attention from a fine-tuned copy",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(nad_settings),
    .check = check,
    .math = &nad,
};
