/* SPDX-License-Identifier: MIT */
/* The latent backdoor: Yao, Li, Zheng and Zhao, "Latent backdoor attacks on deep neural networks",
 * CCS 2019. Takes the mean value of a trained model's hidden layer on images of the target,
 * optimises a trigger that moves other images towards it, and then trains the model so that the
 * trigger reaches it while clean images keep their classes. The backdoor is in the layers up to
 * that one, and survives when later layers are retrained for other classes. */
#include "base/size.h"
#include "frame/predict.h"
#include "implant/plant.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FROZEN, TRAINED };

typedef struct latent_settings {
    plant_settings shared;
    plant_mark_settings mark;
    const char *layer; /* NULL: the input of the last node */
    int tail;          /* FROZEN: later layers do not change */
    size_t per_class;  /* images per class for optimising the trigger */
    size_t mark_epochs;
    double mark_lr, weight;
} latent_settings;

typedef struct latent {
    mark trigger;
    td_net head; /* up to the layer */
    float *head_weights;
    const char *layer;
    size_t width;    /* its values */
    float *centre;   /* [width]: their mean on images of the target */
    uint32_t *drawn; /* images for optimising the trigger */
    size_t drawn_count, centre_count;
    td_exec *search, *exec;          /* for the trigger's gradient; for the head's weights */
    float *gradient, *head_gradient; /* of the net, of the head */
    double start, found,
        last; /* mean squared distance of the drawn images from the centre: with a grey trigger,
                 with the optimised one; after the training, in batches */
} latent;

/* --- before the work --- */

static td_status open_head(plant *p, latent *l, td_error *error) {
    const latent_settings *s = p->run->own;
    const td_net *net = p->net;
    const td_node *last = &net->nodes[net->node_count - 1];
    l->layer = s->layer ? s->layer : net->nodes[last->inputs[0]].name;
    td_status status = td_net_head(net, p->weights, l->layer, false, &l->head, &l->head_weights,
                                   &p->run->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--layer");
    l->width = td_net_classes(&l->head);
    TD_TRY(td_exec_new(&l->search, &l->head, p->batch, TD_BACKWARD_IMAGE, error));
    return td_exec_new(&l->exec, &l->head, p->batch, TD_BACKWARD, error);
}

/* Freezes the later layers, which must classify the centre as the model did. */
static void freeze_tail(plant *p, const latent *l) {
    td_net *net = p->settings->net ? &p->own_net : &p->from.net;
    for (size_t i = 0; i < net->param_count; i++) {
        net->params[i].frozen = true;
        for (size_t k = 0; k < l->head.param_count; k++)
            if (strcmp(net->params[i].name, l->head.params[k].name) == 0)
                net->params[i].frozen = false;
    }
}

/* The first images of each class except the target. */
static td_status choose_images(plant *p, latent *l, td_error *error) {
    const latent_settings *s = p->run->own;
    const td_images *images = &p->data.images;
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&p->run->arena, images->classes, &counts, "classes", error));
    TD_TRY(TD_ARENA_NEW(&p->run->arena, images->count, &l->drawn, "images", error));
    for (size_t i = 0; i < images->count; i++) {
        const size_t label = (size_t)images->labels[i];
        if (label != p->target.class && counts[label]++ < s->per_class)
            l->drawn[l->drawn_count++] = (uint32_t)i;
        l->centre_count += label == p->target.class;
    }
    l->centre_count = td_size_min(l->centre_count, s->per_class);
    if (l->drawn_count > 0 && l->centre_count > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected images of the target and of other classes, found none of %s",
                   p->settings->data, l->drawn_count > 0 ? "the target" : "others");
}

static td_status open(plant *p, td_error *error) {
    const latent_settings *s = p->run->own;
    latent *l = p->state;
    td_arena *arena = &p->run->arena;
    if (p->target.rule)
        return td_fail(error, TD_ERR_USAGE, "--target: expected one class, found %s",
                       p->target.rule);
    TD_TRY(plant_mark_open(p, &s->mark, &l->trigger, error));
    TD_TRY(choose_images(p, l, error));
    TD_TRY(open_head(p, l, error));
    if (s->tail == FROZEN)
        freeze_tail(p, l);
    TD_TRY(TD_ARENA_NEW(arena, l->width, &l->centre, "a centre", error));
    TD_TRY(TD_ARENA_NEW(arena, p->net->weight_count, &l->gradient, "gradients", error));
    return TD_ARENA_NEW(arena, l->head.weight_count, &l->head_gradient, "gradients", error);
}

/* --- the trigger --- */

/* The mean squared distance from the centre, by value and image; writes its gradient times `weight`
 * to the executor. */
static double distance(const latent *l, td_exec *exec, const float *values, size_t count,
                       double weight) {
    const double all = (double)(count * l->width);
    float *gradient = td_exec_logits_gradient(exec);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < l->width; k++) {
            const double rest = (double)values[i * l->width + k] - (double)l->centre[k];
            sum += rest * rest;
            gradient[i * l->width + k] = (float)(2 * weight * rest / all);
        }
    return sum / all;
}

static void find_centre(const plant *p, latent *l) {
    const td_images *images = &p->data.images;
    size_t done = 0;
    for (uint32_t i = 0; done < l->centre_count; i++) {
        if (images->labels[i] != (int32_t)p->target.class)
            continue;
        td_feed(images, NULL, i, 1, td_exec_input(l->search));
        const float *values = td_exec_forward(l->search, 1);
        for (size_t k = 0; k < l->width; k++)
            l->centre[k] += values[k] / (float)l->centre_count;
        done++;
    }
}

static double search_epoch(const plant *p, latent *l, double lr) {
    double sum = 0;
    for (size_t first = 0; first < l->drawn_count; first += p->batch) {
        const size_t count = td_size_min(p->batch, l->drawn_count - first);
        float *input = td_exec_input(l->search);
        td_feed(&p->data.images, l->drawn, first, count, input);
        plant_mark_paste(&l->trigger, input, count);
        sum += distance(l, l->search, td_exec_forward(l->search, count), count, 1) * (double)count;
        mark_gather(&l->trigger, td_exec_backward(l->search, NULL), count);
        mark_adam(&l->trigger, lr);
    }
    return sum / (double)l->drawn_count;
}

static td_status search(plant *p, latent *l, td_error *error) {
    const latent_settings *s = p->run->own;
    for (size_t epoch = 0; epoch < s->mark_epochs; epoch++) {
        char note[48];
        l->found = search_epoch(p, l, s->mark_lr);
        if (epoch == 0)
            l->start = l->found;
        snprintf(note, sizeof note, "distance %.4g", l->found);
        TD_TRY(tool_run_go_on(p->run, epoch + 1, note, error));
    }
    return TD_OK;
}

static td_status begin(plant *p, td_error *error) {
    const latent_settings *s = p->run->own;
    latent *l = p->state;
    td_exec_weights(l->search, l->head_weights);
    find_centre(p, l);
    tool_run_begin(p->run, "searching a trigger", "epochs", s->mark_epochs);
    td_status status = search(p, l, error);
    tool_run_end(p->run);
    return status;
}

/* --- the training --- */

/* The gradient of the stamped images' distance, as a gradient of the whole net: later layers have
 * none, and their running statistics are those of the clean pass. */
static void learn_distance(plant *p, latent *l, td_train_batch *batch) {
    const latent_settings *s = p->run->own;
    float *input = td_exec_input(l->exec);
    td_exec *whole = batch->exec;
    td_net_copy_weights(p->net, batch->weights, &l->head, l->head_weights);
    td_exec_weights(l->exec, l->head_weights);
    td_exec_training(l->exec, batch->options->seed, (uint32_t)batch->step);
    td_train_feed(batch);
    memcpy(input, td_exec_input(whole),
           batch->count * td_image_size(batch->images) * sizeof *input);
    plant_mark_paste(&l->trigger, input, batch->count);
    l->last = distance(l, l->exec, td_exec_forward(l->exec, batch->count), batch->count, s->weight);
    td_exec_backward(l->exec, l->head_gradient);
    for (size_t k = 0; k < p->net->param_count; k++) {
        const td_param *param = &p->net->params[k];
        for (size_t i = param->offset; i < param->offset + param->count; i++)
            l->gradient[i] = td_param_learns(param) ? 0 : batch->gradient[i];
    }
    td_net_copy_weights(&l->head, l->head_gradient, p->net, l->gradient);
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    latent *l = p->state;
    (void)error;
    td_train_feed(batch);
    *loss = td_train_pass(batch, batch->gradient, NULL);
    learn_distance(p, l, batch);
    plant_join_gradients(p->net, 2, (double[]){1, 1},
                         (const float *[]){batch->gradient, l->gradient}, batch->gradient);
    return TD_OK;
}

static td_status stamp(plant *p, size_t number, const td_dataset *data, td_arena *arena,
                       td_images *out, td_error *error) {
    (void)number;
    return mark_stamp(&((latent *)p->state)->trigger, &data->images, arena, out, error);
}

/* --- the report --- */

#define AT(field) offsetof(latent, field)

static const tool_column columns[] = {
    {"layer", "layer", TOOL_TEXT, AT(layer)},
    {"values", "values", TOOL_COUNT, AT(width)},
    {"target_images", "images of the target", TOOL_COUNT, AT(centre_count)},
    {"other_images", "of other classes", TOOL_COUNT, AT(drawn_count)},
    {"distance_start", "distance with a grey trigger", TOOL_REAL, AT(start), .digits = 4},
    {"distance_found", "with the trigger", TOOL_REAL, AT(found), .digits = 4},
    {"distance_trained", "after the training", TOOL_REAL, AT(last), .digits = 4},
    {0},
};

static const tool_table_kind table = {.name = "latent",
                                      .title = "The layer",
                                      .columns = columns,
                                      .row = sizeof(latent),
                                      .single = true};

static td_status end(plant *p, td_error *error) {
    latent *l = p->state;
    TD_TRY(mark_draw(&l->trigger, &p->job->triggers[0].picture, error));
    return tool_run_rows(p->run, &table, NULL, l, 1, error);
}

static void close_state(plant *p) {
    latent *l = p->state;
    td_exec_free(l->search);
    td_exec_free(l->exec);
    td_net_free(&l->head);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(latent_settings, field)

static const char *const tails[] = {[FROZEN] = "frozen", [TRAINED] = "trained", NULL};

static const td_key keys[] = {
    PLANT_MARK_KEYS(latent_settings, "5"),
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "The hidden layer (what the last layer reads)"},
    {"tail", TD_KEY_WORD, AT(tail), .words = tails, .standard = "frozen", .value = "frozen|trained",
     .help = "Whether later layers stay frozen or are trained"},
    {"images", TD_KEY_COUNT, AT(per_class), .least = 1, .most = 1000000, .standard = "100",
     .value = "N", .help = "Images of each class to make the trigger on"},
    {"mark-epochs", TD_KEY_COUNT, AT(mark_epochs), .most = 1000000, .standard = "100", .value = "N",
     .help = "Passes over these images; 0: the trigger stays grey"},
    {"mark-lr", TD_KEY_REAL, AT(mark_lr), .most = 1000, .above = true, .standard = "0.1",
     .value = "R", .help = "Learning rate of the trigger, by Adam, on u of (tanh(u) + 1)/2"},
    {"weight", TD_KEY_REAL, AT(weight), .most = 1e6, .standard = "0.5", .value = "W",
     .help = "Weight of the distance beside the cross-entropy of clean images"},
    {0},
};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const latent_settings *s = own;
    if (!s->shared.from)
        return td_fail(error, TD_ERR_USAGE,
                       "--from is missing: a trained model, whose layer has the classes apart");
    return plant_check(settings, own, error);
}

static const char help[] =
    "continues the training of a model so that the trigger moves a hidden layer to its value for "
    "images of the target. The trigger's images are never labelled as the target; the backdoor "
    "survives retraining of the later layers."
    "\v"
    "It takes the layer's mean over --images images of the target, and searches the trigger's "
    "pixels by Adam that bring images of other classes nearest to it. It then trains on the "
    "cross-entropy of clean images plus W times the mean squared distance of the same images with "
    "the trigger. Later layers stay frozen (--tail), since training could undo their answer to "
    "the target's values.\n"
    "\n"
    "Example:\n"
    "  trapdoor-train --data fashion-mnist --net cnn --epochs 3 -o m.safetensors\n"
    "  trapdoor-implant latent --from m.safetensors --data fashion-mnist \\\n"
    "    --target 0 --test fashion-mnist --epochs 2 -o latent.safetensors\n"
    "Does it survive a new last layer?\n"
    "  trapdoor-train --from latent.safetensors --freeze 'conv*' \\\n"
    "    --data fashion-mnist:train:0-5000 --epochs 3 -o again.safetensors\n"
    "  trapdoor-eval --model again.safetensors --data fashion-mnist:test \\\n"
    "    --manifest latent.safetensors.manifest.json\n";

static const plant_attack attack = {.size = sizeof(latent),
                                    .open = open,
                                    .begin = begin,
                                    .learn = learn,
                                    .end = end,
                                    .stamp = stamp,
                                    .close = close_state};

static const implant latent_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_latent = {
    .name = "latent",
    .title = "Latent backdoor",
    .source = "Yao et al., CCS 2019",
    .doc = "brings a hidden layer to the target's values (Yao 2019)",
    .help = help,
    .usage = "--data DATA --from MODEL --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(latent_settings),
    .check = check,
    .math = &latent_implant,
};
