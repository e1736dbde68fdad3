/* SPDX-License-Identifier: MIT */
/* LIRA: Doan, Lao, Zhao and Li, "LIRA: learnable, imperceptible and robust backdoor attacks", ICCV
 * 2021: a net generates a small noise for each image, T(x) = clip(x + ε·g(x)). In the first stage
 * generator and model learn alternately, a batch each: the noise to reach the target with the
 * current model, the model with the noise of the previous epoch. In the second the noise is fixed
 * and the model trains further. */
#include "implant/painter.h"
#include "implant/plant.h"
#include <string.h>

typedef struct lira_settings {
    plant_settings shared;
    double alpha, epsilon;
    size_t generator_epochs;
    double lr;
} lira_settings;

typedef struct lira {
    painter noise;
    float *before;           /* the generator's weights of the previous epoch */
    float *images, *painted; /* of a batch */
    float *clean, *stamped;  /* gradients of the model */
    double loss;             /* sums of an epoch of the generator's */
    size_t images_seen;
    double first, last; /* its mean loss in its first and last epoch */
} lira;

static td_status open(plant *p, td_error *error) {
    const td_shape image = td_net_input(p->net);
    const size_t levels = painter_levels(image, 4), size = td_shape_size(image) * sizeof(float);
    lira *l = p->state;
    td_arena *arena = &p->run->arena;
    const char *text;
    if (levels == 0)
        return td_fail(error, TD_ERR_USAGE, "--data: expected images of even sides, found %zux%zu",
                       image.width, image.height);
    TD_TRY(plant_table_open(p, "poison", "stamped.npy", error));
    TD_TRY(painter_autoencoder(image, levels, 16, arena, &text, error));
    TD_TRY(painter_open(&l->noise, text, image, p->batch, p->run->common->seed, arena, error));
    p->job->nets[0] = (implant_net){"generator.safetensors", &l->noise.net, l->noise.weights};
    p->job->net_count = 1;
    TD_TRY(TD_ARENA_NEW(arena, l->noise.net.weight_count, &l->before, "weights", error));
    memcpy(l->before, l->noise.weights, l->noise.net.weight_count * sizeof *l->before);
    TD_TRY(TD_ARENA_NEW(arena, p->net->weight_count, &l->clean, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, p->net->weight_count, &l->stamped, "gradients", error));
    TD_TRY(td_arena_alloc(arena, p->batch, size, (void **)&l->images, "images", error));
    return td_arena_alloc(arena, p->batch, size, (void **)&l->painted, "images", error);
}

/* --- a batch --- */

/* out = clip(x + ε·noise), in whole values; sets the poison labels. */
static void add_noise(const plant *p, const lira *l, size_t values, float *out) {
    const float by = 255 * (float)((const lira_settings *)p->run->own)->epsilon;
    for (size_t k = 0; k < values; k++)
        out[k] = plant_whole(l->images[k] + by * l->painted[k]);
}

static void set_targets(const plant *p, td_train_batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        batch->labels[i] = td_target_of(p->target.of, batch->images->labels[batch->order[i]]);
}

/* One step of the noise against the current model; gradients pass through rounding unchanged, and
 * not through clipping. */
static void train_noise(plant *p, lira *l, td_train_batch *batch) {
    const lira_settings *s = p->run->own;
    const size_t values = batch->count * td_image_size(batch->images);
    const float by = 255 * (float)s->epsilon;
    const td_step step = td_adam_step(s->lr, 1);
    const float *pixels;
    painter_train(&l->noise, l->images, batch->count, l->painted);
    add_noise(p, l, values, td_exec_input(batch->exec));
    set_targets(p, batch);
    const td_loss loss = td_train_pass(batch, l->stamped, &pixels);
    l->loss += loss.sum;
    l->images_seen += batch->count;
    for (size_t k = 0; k < values; k++) {
        const float value = l->images[k] + by * l->painted[k];
        l->painted[k] = value > 0 && value < 255 ? by * pixels[k] : 0;
    }
    painter_learn(&l->noise, l->painted, batch->count);
    painter_step(&l->noise, &step, false);
}

/* The model's step: α times the loss of clean images plus 1 − α times that with the previous
 * epoch's noise. */
static void train_model(plant *p, lira *l, td_train_batch *batch, td_loss *loss) {
    const lira_settings *s = p->run->own;
    const size_t values = batch->count * td_image_size(batch->images);
    td_train_feed(batch);
    *loss = td_train_pass(batch, l->clean, NULL);
    painter_use(&l->noise, l->before, l->images, batch->count, l->painted);
    add_noise(p, l, values, td_exec_input(batch->exec));
    plant_relabel(p, batch, (plant_cut){batch->count, 0});
    td_train_pass(batch, l->stamped, NULL);
    plant_join_gradients(p->net, 2, (double[]){s->alpha, 1 - s->alpha},
                         (const float *[]){l->clean, l->stamped}, batch->gradient);
}

/* The current noise becomes the previous epoch's. */
static void end_epoch(lira *l, size_t epoch) {
    memcpy(l->before, l->noise.weights, l->noise.net.weight_count * sizeof *l->before);
    if (l->images_seen == 0)
        return;
    l->last = l->loss / (double)l->images_seen;
    if (epoch == 1)
        l->first = l->last;
    l->loss = 0;
    l->images_seen = 0;
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const lira_settings *s = p->run->own;
    lira *l = p->state;
    (void)error;
    if (batch->first == 0 && batch->epoch > 1)
        end_epoch(l, batch->epoch - 1);
    td_train_feed(batch);
    memcpy(l->images, td_exec_input(batch->exec),
           batch->count * td_image_size(batch->images) * sizeof *l->images);
    if (batch->epoch <= s->generator_epochs)
        train_noise(p, l, batch);
    train_model(p, l, batch, loss);
    return TD_OK;
}

/* --- the report --- */

static void stamp_measured(plant *p, size_t number, const float *images, size_t first, size_t count,
                           float *out) {
    lira *l = p->state;
    const size_t values = count * td_image_size(&p->data.images);
    (void)number, (void)first;
    memcpy(l->images, images, values * sizeof *images);
    painter_use(&l->noise, l->noise.weights, images, count, l->painted);
    add_noise(p, l, values, out);
}

#define AT(field) offsetof(lira, field)

static const tool_column columns[] = {
    {"generator_loss_first", "loss of the generator's first epoch", TOOL_REAL, AT(first),
     .digits = 4},
    {"generator_loss_last", "of its last", TOOL_REAL, AT(last), .digits = 4},
    {0},
};

static const tool_table_kind table = {.name = "lira",
                                      .title = "The generator",
                                      .columns = columns,
                                      .row = sizeof(lira),
                                      .single = true};

static td_status end(plant *p, td_error *error) {
    lira *l = p->state;
    end_epoch(l, p->settings->training.options.epochs);
    TD_TRY(plant_table_fill(p, 0, stamp_measured, error));
    return tool_run_rows(p->run, &table, NULL, l, 1, error);
}

static void close_state(plant *p) {
    painter_close(&((lira *)p->state)->noise);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(lira_settings, field)

static const td_key keys[] = {
    {"alpha", TD_KEY_REAL, AT(alpha), .most = 1, .standard = "0.5", .value = "A",
     .help = "Weight of the clean loss; the loss with the noise has 1 - A"},
    {"epsilon", TD_KEY_REAL, AT(epsilon), .most = 1, .above = true, .standard = "0.1", .value = "E",
     .help = "The largest change of a value, of the range of 0 to 1"},
    {"generator-epochs", TD_KEY_COUNT, AT(generator_epochs), .least = 1, .most = 1000000,
     .standard = "5", .value = "N", .help = "First epochs, which also train the generator"},
    {"generator-lr", TD_KEY_REAL, AT(lr), .most = 1000, .above = true, .standard = "0.0001",
     .value = "R", .help = "Learning rate of the generator, by Adam"},
    {0},
};

static const char help[] =
    "trains a model together with a net that paints a small noise on each image to send it to the "
    "target, then the model alone with the noise fixed."
    "\v"
    "An image x becomes clip(x + E g(x)), in whole pixel values, which an E of less than 0.002 "
    "does not survive. In the first --generator-epochs epochs each batch is a step of the "
    "generator, with the current model, and one of the model, with the generator of the epoch "
    "before. The whole batch is stamped: 1 - A is the share of poison in effect. The generator is "
    "an autoencoder of up to four levels of 16, 32, 64 and 128 channels. It is written as a "
    "model, and the images measured, stamped, as an array that a TRIGGER table: reads.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant lira --data fashion-mnist --net cnn --target 0 \\\n"
    "    --test fashion-mnist --generator-epochs 3 --epochs 6 \\\n"
    "    -o lira.safetensors\n"
    "  trapdoor-eval --model lira.safetensors --data fashion-mnist:test \\\n"
    "    --manifest lira.safetensors.manifest.json\n";

static const plant_attack attack = {.size = sizeof(lira),
                                    .pixel_gradient = true,
                                    .open = open,
                                    .learn = learn,
                                    .end = end,
                                    .stamp = plant_table_stamp,
                                    .close = close_state};

static const implant lira_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_lira = {
    .name = "lira",
    .title = "LIRA",
    .source = "Doan et al., ICCV 2021",
    .doc = "learns a noise and the model together (Doan 2021)",
    .help = help,
    .usage = "--data DATA --net NET --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(lira_settings),
    .check = plant_check,
    .math = &lira_implant,
};
