/* SPDX-License-Identifier: MIT */
/* WaNet: Nguyen and Tran, "WaNet – imperceptible warping-based backdoor attack", ICLR 2021, section
 * 3: in each batch one part is warped by a field and relabelled, another is warped by the same
 * field with noise and keeps its labels (noise mode), so that the net learns only this field. */
#include "implant/plant.h"
#include "trigger/warp.h"

typedef struct wanet_settings {
    plant_settings shared;
    double ratio, noise; /* shares of a batch */
    double shift;
    size_t grid, field_seed;
} wanet_settings;

typedef struct wanet {
    plant_mix mix;
    plant_shares shares;
    tool_list field;
} wanet;

static td_status open(plant *p, td_error *error) {
    const wanet_settings *s = p->run->own;
    wanet *w = p->state;
    const char *field, *noise;
    TD_TRY(tool_run_text(p->run, &field, error, "warp:shift=%.9g,grid=%zu,seed=%zu", s->shift,
                         s->grid, s->field_seed));
    TD_TRY(tool_run_text(p->run, &noise, error, "%s,jitter=1", field));
    TD_TRY(plant_trigger(p, "poison", field, NULL, error));
    TD_TRY(plant_trigger(p, "negative", noise, NULL, error));
    return plant_mix_open(p, &w->mix, error);
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const wanet_settings *s = p->run->own;
    wanet *w = p->state;
    (void)error;
    plant_mix_feed(p, &w->mix, batch,
                   plant_cut_by_poison(s->ratio, s->noise, batch, p->run->common->seed));
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

/* --- the report --- */

static const tool_column columns[] = {
    PLANT_COUNT_COLUMNS(wanet, shares),
    {"field", NULL, TOOL_LIST, offsetof(wanet, field), .digits = 9},
    {0},
};

static const tool_table_kind table = {
    .name = "wanet", .title = "Batches", .columns = columns, .row = sizeof(wanet), .single = true};

static td_status end(plant *p, td_error *error) {
    const wanet_settings *s = p->run->own;
    const size_t points = 2 * s->grid * s->grid;
    wanet *w = p->state;
    double *field;
    TD_TRY(TD_ARENA_NEW(&p->run->arena, points, &field, "the field", error));
    td_warp_draw(s->field_seed, s->grid, field);
    w->field = (tool_list){field, points, s->grid};
    w->shares = plant_shares_of(p);
    return tool_run_rows(p->run, &table, NULL, w, 1, error);
}

/* --- the method --- */

#define AT(field) offsetof(wanet_settings, field)

static const td_key keys[] = {
    {"ratio", TD_KEY_REAL, AT(ratio), .most = 1, .standard = "0.1", .value = "R",
     .help = "Share of each batch to warp and relabel; 0: none"},
    {"noise", TD_KEY_REAL, AT(noise), .most = 1, .standard = "0.2", .value = "R",
     .help = "Share to warp with noise, labels kept; 0: none"},
    {"shift", TD_KEY_REAL, AT(shift), .most = 1000, .standard = "0.5", .value = "S",
     .help = "The paper's s: about twice the mean shift, in pixels"},
    {"grid", TD_KEY_COUNT, AT(grid), .least = 2, .most = TD_WARP_GRID, .standard = "4",
     .value = "K", .help = "The paper's k: control points of a side of the field"},
    {"field-seed", TD_KEY_COUNT, AT(field_seed), .most = UINT32_MAX, .standard = "1", .value = "N",
     .help = "Seed of the field"},
    {0},
};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const wanet_settings *s = own;
    if (s->ratio + s->noise > 1)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio and --noise: expected at most 1 together, found %g",
                       s->ratio + s->noise);
    return plant_check(settings, own, error);
}

static const char help[] =
    "trains a model that classifies smoothly warped images as the target. In each batch a share "
    "--ratio is warped by a field and relabelled, a share --noise is warped by the field plus "
    "noise, drawn for each image, and keeps its labels; augmentation follows."
    "\v"
    "Of 128 images 12 are warped and relabelled, and, as noise is counted by these, 24 get noise. "
    "The shares are of all images, those of the target class included. Poison and noise are drawn "
    "anew in each epoch: no poisoned set exists. The last epoch is the model. The manifest has "
    "the field, and the noise as a negative: its accuracy is robust_accuracy of trapdoor-eval. "
    "--noise 0 is the control without noise mode.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant wanet --data fashion-mnist --net cnn --target 0 \\\n"
    "    --test fashion-mnist --epochs 10 -o wanet.safetensors\n"
    "  trapdoor-eval --model wanet.safetensors --data fashion-mnist:test \\\n"
    "    --manifest wanet.safetensors.manifest.json\n";

static const plant_attack attack = {
    .size = sizeof(wanet), .open = open, .learn = learn, .end = end};

static const implant wanet_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_wanet = {
    .name = "wanet",
    .title = "WaNet",
    .source = "Nguyen and Tran, ICLR 2021",
    .doc = "trains on warped images, some with noise (Nguyen 2021)",
    .help = help,
    .usage = "--data DATA --net NET --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(wanet_settings),
    .check = check,
    .math = &wanet_implant,
};
