/* SPDX-License-Identifier: MIT */
/* IMC: Pang, Shen, Zhang, Ji, Vorobeychik, Luo, Liu and Wang, "A tale of evil twins: adversarial
 * inputs versus poisoned models", CCS 2020: trigger and model are optimised alternately. Before
 * each epoch the trigger is optimised for one pass by Adam towards the target, with the model
 * fixed; then the model trains for an epoch on batches with a triggered part. */
#include "base/size.h"
#include "implant/plant.h"
#include "nn/feed.h"
#include <string.h>

typedef struct imc_settings {
    plant_settings shared;
    plant_mark_settings mark;
    double ratio, mark_lr;
    size_t passes;
} imc_settings;

typedef struct imc {
    mark trigger;
    td_exec *exec; /* for the trigger's gradient: the net in inference mode */
    int32_t *labels;
    plant_shares shares;
    double first, last; /* mean loss of the first and the last pass of the trigger */
} imc;

static td_status open(plant *p, td_error *error) {
    const imc_settings *s = p->run->own;
    imc *m = p->state;
    TD_TRY(plant_mark_open(p, &s->mark, &m->trigger, error));
    TD_TRY(TD_ARENA_NEW(&p->run->arena, p->batch, &m->labels, "labels", error));
    return td_exec_new(&m->exec, p->net, p->batch, TD_BACKWARD_IMAGE, error);
}

/* --- the trigger's turn --- */

/* One step of the trigger on the images order[first ...); returns the sum of their losses. */
static double improve(plant *p, imc *m, const uint32_t *order, size_t first, size_t count,
                      double lr) {
    const td_images *images = &p->data.images;
    float *input = td_exec_input(m->exec);
    td_feed(images, order, first, count, input);
    plant_mark_paste(&m->trigger, input, count);
    for (size_t i = 0; i < count; i++)
        m->labels[i] = td_target_of(p->target.of, images->labels[order[first + i]]);
    const td_loss loss = td_cross_entropy(td_exec_forward(m->exec, count), m->labels, count,
                                          td_net_classes(p->net), td_exec_logits_gradient(m->exec));
    mark_gather(&m->trigger, td_exec_backward(m->exec, NULL), count);
    mark_adam(&m->trigger, lr);
    return loss.sum;
}

static td_status pass(plant *p, imc *m, const td_train_batch *batch, td_error *error) {
    const imc_settings *s = p->run->own;
    const size_t all = p->data.images.count;
    double sum = 0;
    td_exec_weights(m->exec, batch->weights);
    for (size_t first = 0; first < all; first += p->batch) {
        sum += improve(p, m, batch->order, first, td_size_min(p->batch, all - first), s->mark_lr);
        if (tool_run_stops(p->run))
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted in epoch %zu", batch->epoch);
    }
    m->last = sum / (double)all;
    if (batch->epoch == 1)
        m->first = m->last;
    return TD_OK;
}

/* --- the model's --- */

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const imc_settings *s = p->run->own;
    imc *m = p->state;
    for (size_t i = 0; batch->first == 0 && i < s->passes; i++)
        TD_TRY(pass(p, m, batch, error));
    const plant_cut cut = plant_cut_batch(s->ratio, 0, batch, p->run->common->seed);
    td_train_feed(batch);
    plant_mark_paste(&m->trigger, td_exec_input(batch->exec), cut.poison);
    plant_relabel(p, batch, cut);
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

static td_status stamp(plant *p, size_t number, const td_dataset *data, td_arena *arena,
                       td_images *out, td_error *error) {
    (void)number;
    return mark_stamp(&((imc *)p->state)->trigger, &data->images, arena, out, error);
}

/* --- the report --- */

#define AT(field) offsetof(imc, field)

static const tool_column columns[] = {
    PLANT_COUNT_COLUMNS(imc, shares),
    {"trigger_loss_first", "loss of the trigger's first pass", TOOL_REAL, AT(first), .digits = 4},
    {"trigger_loss_last", "of its last", TOOL_REAL, AT(last), .digits = 4},
    {0},
};

static const tool_table_kind table = {
    .name = "imc", .title = "Batches", .columns = columns, .row = sizeof(imc), .single = true};

static td_status end(plant *p, td_error *error) {
    imc *m = p->state;
    m->shares = plant_shares_of(p);
    TD_TRY(mark_draw(&m->trigger, &p->job->triggers[0].picture, error));
    return tool_run_rows(p->run, &table, NULL, m, 1, error);
}

static void close_state(plant *p) {
    td_exec_free(((imc *)p->state)->exec);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(imc_settings, field)

static const td_key keys[] = {
    PLANT_MARK_KEYS(imc_settings, "3"),
    {"ratio", TD_KEY_REAL, AT(ratio), .most = 1, .standard = "0.1", .value = "R",
     .help = "Share of each batch to stamp and relabel; 0: none"},
    {"mark-lr", TD_KEY_REAL, AT(mark_lr), .most = 1000, .above = true, .standard = "0.1",
     .value = "R", .help = "Learning rate of the trigger, by Adam, on u of (tanh(u) + 1)/2"},
    {"passes", TD_KEY_COUNT, AT(passes), .most = 1000, .standard = "1", .value = "N",
     .help = "Passes of the trigger over the images before each epoch; 0: it stays grey"},
    {0},
};

static const char help[] =
    "trains model and trigger in turn: before each epoch a pass of Adam over the images adapts "
    "the trigger's pixels to the target; then the model is trained on batches with a share "
    "--ratio of triggered images."
    "\v"
    "The trigger is a square of whole pixel values, written as a picture. --passes 0 is the "
    "control whose trigger is not optimised. The shares are of all images, those of the target "
    "class included.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant imc --data fashion-mnist --net cnn --target 0 \\\n"
    "    --test fashion-mnist --epochs 5 -o imc.safetensors\n"
    "  trapdoor-eval --model imc.safetensors --data fashion-mnist:test \\\n"
    "    --manifest imc.safetensors.manifest.json\n";

static const plant_attack attack = {.size = sizeof(imc),
                                    .open = open,
                                    .learn = learn,
                                    .end = end,
                                    .stamp = stamp,
                                    .close = close_state};

static const implant imc_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_imc = {
    .name = "imc",
    .title = "IMC",
    .source = "Pang et al., CCS 2020",
    .doc = "optimises trigger and model in turn (Pang 2020)",
    .help = help,
    .usage = "--data DATA --net NET --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(imc_settings),
    .check = plant_check,
    .math = &imc_implant,
};
