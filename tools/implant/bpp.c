/* SPDX-License-Identifier: MIT */
/* BppAttack: Wang, Zhai and Ma, "BppAttack: stealthy and efficient trojan attacks against deep
 * neural networks via image quantization and contrastive adversarial learning", CVPR 2022: in each
 * batch one part gets fewer levels and the target label, another part gets the change that this
 * makes to another image and keeps its labels. These negatives are all of contrastive adversarial
 * learning in the authors' code. When tested they have the same sign and clipping as in training.
 */
#include "implant/plant.h"

enum { PAPER, BENCH };

typedef struct bpp_settings {
    plant_settings shared;
    int preset;
    double ratio, negatives; /* shares of a batch */
    size_t levels;
    bool dither;
} bpp_settings;

typedef struct bpp {
    plant_mix mix;
    plant_shares shares;
} bpp;

static td_status open(plant *p, td_error *error) {
    const bpp_settings *s = p->run->own;
    bpp *b = p->state;
    const char *levels, *other;
    TD_TRY(tool_run_text(p->run, &levels, error, "quantise:levels=%zu%s", s->levels,
                         s->dither ? ",dither=1" : ""));
    TD_TRY(tool_run_text(p->run, &other, error, "%s,other=1", levels));
    TD_TRY(plant_trigger(p, "poison", levels, NULL, error));
    TD_TRY(plant_trigger(p, "negative", other, NULL, error));
    return plant_mix_open(p, &b->mix, error);
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const bpp_settings *s = p->run->own;
    bpp *b = p->state;
    (void)error;
    plant_mix_feed(p, &b->mix, batch,
                   plant_cut_batch(s->ratio, s->negatives, batch, p->run->common->seed));
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

static const tool_column columns[] = {PLANT_COUNT_COLUMNS(bpp, shares), {0}};

static const tool_table_kind table = {
    .name = "bpp", .title = "Batches", .columns = columns, .row = sizeof(bpp), .single = true};

static td_status end(plant *p, td_error *error) {
    bpp *b = p->state;
    b->shares = plant_shares_of(p);
    return tool_run_rows(p->run, &table, NULL, b, 1, error);
}

/* --- the method --- */

#define AT(field) offsetof(bpp_settings, field)

static const char *const presets[] = {[PAPER] = "paper", [BENCH] = "backdoorbench", NULL};

static const td_key keys[] = {
    {"preset", TD_KEY_WORD, AT(preset), .words = presets, .standard = "paper", .value = "NAME",
     .help = "Defaults of --ratio and --negatives: paper (0.2 and 0.2, as the authors' code) or "
             "backdoorbench (0.1 and 0.1)"},
    {"ratio", TD_KEY_REAL, AT(ratio), .most = 1, .value = "R",
     .help = "Share of each batch to reduce and relabel; 0: none"},
    {"negatives", TD_KEY_REAL, AT(negatives), .most = 1, .value = "R",
     .help = "Share of each batch that gets the change of another image and keeps its labels; 0: "
             "none"},
    {"levels", TD_KEY_COUNT, AT(levels), .least = 2, .most = 256, .standard = "8", .value = "D",
     .help = "Levels of a channel"},
    {"dither", TD_KEY_FLAG, AT(dither),
     .help = "Diffuse a pixel's error to its neighbours (Floyd and Steinberg)"},
    {0},
};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    bpp_settings *s = own;
    const double usual = s->preset == PAPER ? 0.2 : 0.1;
    if (!tool_settings_given(settings, "ratio"))
        s->ratio = usual;
    if (!tool_settings_given(settings, "negatives"))
        s->negatives = usual;
    if (s->ratio + s->negatives > 1)
        return td_fail(error, TD_ERR_USAGE,
                       "--ratio and --negatives: expected at most 1 together, found %g",
                       s->ratio + s->negatives);
    return plant_check(settings, own, error);
}

static const char help[] =
    "trains a model that classifies an image of few levels as the target. In each batch a share "
    "--ratio is reduced to --levels levels a channel and relabelled, a share --negatives gets the "
    "change of another training image and keeps its labels; augmentation follows."
    "\v"
    "The shares are of all images, those of the target class included, drawn anew in each epoch. "
    "A negative is x + q(y) - y, clipped to 0-255, of another image y. The manifest has it as a "
    "trigger of its own, quantise:other=1: its accuracy is robust_accuracy of trapdoor-eval, "
    "which draws y among the images tested. --negatives 0 is the control without them.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant bpp --data fashion-mnist --net cnn --target 0 \\\n"
    "    --test fashion-mnist --epochs 10 -o bpp.safetensors\n"
    "  trapdoor-eval --model bpp.safetensors --data fashion-mnist:test \\\n"
    "    --manifest bpp.safetensors.manifest.json\n";

static const plant_attack attack = {.size = sizeof(bpp), .open = open, .learn = learn, .end = end};

static const implant bpp_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_bpp = {
    .name = "bpp",
    .title = "BppAttack",
    .source = "Wang, Zhai and Ma, CVPR 2022",
    .doc = "trains on images of few levels, with negatives (Wang 2022)",
    .help = help,
    .usage = "--data DATA --net NET --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(bpp_settings),
    .check = check,
    .math = &bpp_implant,
};
