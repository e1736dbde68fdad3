/* SPDX-License-Identifier: MIT */
/* Training with a planted backdoor: the common part of attacks that control the training. An attack
 * is a file with one struct plant_attack, which defines how each batch trains; settings, net and
 * data, the training loop, measurements and the manifest are here (plant.c), and so are batches
 * with a stamped part (plant_mix.c).
 *
 *     data, net, target ─▶ open ─▶ begin ─▶ training: learn, a batch at a time ─▶ end
 *                                                     model, triggers, manifest ◀─┘
 *
 * Images are stamped exactly as by trapdoor-poison and trapdoor-eval, in whole pixel values, so
 * that training and measurement match. */
#ifndef TOOLS_IMPLANT_PLANT_H
#define TOOLS_IMPLANT_PLANT_H

#include "frame/training.h"
#include "implant/implant.h"
#include "implant/mark.h"
#include "trigger/trigger.h"

enum { PLANT_MOST_TRIGGERS = 4 };

/* The settings of an attack begin with these. */
typedef struct plant_settings {
    const char *data, *test; /* test: NULL: measures on the data */
    const char *net, *from;  /* one of them, or both: NET, starting from that model's weights */
    const char *target;
    const char *control; /* another model on which to measure the triggers, or NULL */
    tool_training training;
} plant_settings;

extern const td_key plant_keys[];

/* The key groups of all attacks, before and after their own. */
#define PLANT_GROUPS(own)                                                                          \
    {.keys = plant_keys}, {.keys = (own), .title = "Attack"}, {                                    \
        .keys = tool_training_keys, .offset = offsetof(plant_settings, training),                  \
        .title = "Training", .detail = true                                                        \
    }

/* tool_method.check, for settings that begin with plant_settings. */
td_status plant_check(const tool_settings *settings, void *own, td_error *error) TD_MUST_USE;

typedef struct plant plant;

typedef struct plant_attack {
    size_t size; /* of its state */
    /* td_train_pass also gives `learn` the gradient of the pixels. */
    bool pixel_gradient;
    /* Called before the work, with data, net and target ready: adds its triggers (plant_trigger),
     * and refuses what does not match. */
    td_status (*open)(plant *p, td_error *error);
    /* Called before the training; NULL: nothing to do. */
    td_status (*begin)(plant *p, td_error *error);
    td_status (*learn)(plant *p, td_train_batch *batch, td_loss *loss, td_error *error);
    /* Called after the training: fills the run's table with the method's name, and the pictures. */
    td_status (*end)(plant *p, td_error *error);
    /* The images of `data` with trigger `number`, in `arena`; NULL: stamped by the triggers' texts.
     */
    td_status (*stamp)(plant *p, size_t number, const td_dataset *data, td_arena *arena,
                       td_images *out, td_error *error);
    void (*close)(plant *p); /* also after a failure, if the state is set; NULL: nothing to do */
} plant_attack;

/* The images seen in training, over all epochs. */
typedef struct plant_counts {
    size_t images, poison, negatives;
    size_t relabelled; /* poison whose label was changed */
    size_t epochs;
} plant_counts;

struct plant {
    implant_job *job;
    tool_run *run;
    const plant_settings *settings;
    const plant_attack *attack;
    td_dataset data, test;
    const td_dataset *measured; /* the test set if given, else the data */
    td_model from, control;     /* zeroed if not given */
    td_net own_net;
    const td_net *net;
    float *weights;
    tool_target target;
    td_trigger *triggers[PLANT_MOST_TRIGGERS]; /* of those with a text, bound to the data */
    size_t batch;                              /* largest batch in images */
    plant_counts counts;
    void *state; /* owned by the attack */
};

/* The members of an implant whose training is `attack`. */
#define PLANT_IMPLANT(planted)                                                                     \
    .trains = true, .prepare = plant_prepare, .make = plant_make, .close = plant_close,            \
    .attack = &(planted)

td_status plant_prepare(implant_job *job, td_error *error) TD_MUST_USE;
td_status plant_make(implant_job *job, td_error *error) TD_MUST_USE;
void plant_close(implant_job *job);

/* Adds a trigger for the target: defined by a text, which is bound to the data, or (text NULL) by a
 * file "NAME", which `end` or `stamp` fill. */
td_status plant_trigger(plant *p, const char *role, const char *text, const char *file,
                        td_error *error) TD_MUST_USE;

/* --- a trigger that the attack optimises (plant_mark.c) --- */

typedef struct plant_mark_settings {
    const char *at; /* as in a TRIGGER */
    size_t size;    /* pixels per side */
} plant_mark_settings;

/* Key rows for it. */
#define PLANT_MARK_KEYS(settings, pixels)                                                          \
    {"at",                                                                                         \
     TD_KEY_TEXT,                                                                                  \
     offsetof(settings, mark.at),                                                                  \
     .standard = "bottom-right",                                                                   \
     .value = "PLACE",                                                                             \
     .help = "Position of the trigger: top-left, top-right, bottom-left, bottom-right, "           \
             "center or X+Y"},                                                                     \
    {                                                                                              \
        "size", TD_KEY_COUNT, offsetof(settings, mark.size),                                       \
            .least = 1, .most = 1024, .standard = pixels, .value = "S",                            \
            .help = "The trigger is a square of S pixels a side"                                   \
    }

/* A grey mark, and the trigger, for the target, that its picture will be. TD_ERR_USAGE if it is not
 * within the images. */
td_status plant_mark_open(plant *p, const plant_mark_settings *settings, mark *m,
                          td_error *error) TD_MUST_USE;

/* Pastes the mark into the batch's images [0, count). */
void plant_mark_paste(const mark *m, float *input, size_t count);

/* --- a trigger that a net generates for each image (plant_table.c) --- */

/* Adds a trigger whose file NAME.npy contains the stamped copies of the measured images;
 * TD_ERR_USAGE if these do not begin with the first image of their split, as a table's rows do. */
td_status plant_table_open(plant *p, const char *role, const char *file,
                           td_error *error) TD_MUST_USE;

/* Stamps a batch of images: [count, image] floats in and out, values 0–255; `first` is the number
 * of the first among the measured images. */
typedef void (*plant_stamper)(plant *p, size_t number, const float *images, size_t first,
                              size_t count, float *out);

/* Fills the table of trigger `number` with the stamped copies of the measured images, rounded to
 * whole values, in the run's arena. */
td_status plant_table_fill(plant *p, size_t number, plant_stamper stamp,
                           td_error *error) TD_MUST_USE;

/* plant_attack.stamp: the table. */
td_status plant_table_stamp(plant *p, size_t number, const td_dataset *data, td_arena *arena,
                            td_images *out, td_error *error) TD_MUST_USE;

/* Clips to 0–255 and rounds to whole values. */
float plant_whole(float value);

/* --- batches with a stamped part (plant_mix.c) --- */

/* The parts of a batch: first the poison, then the negatives, then the others. The batch's order is
 * random, so the parts are random images of all classes. */
typedef struct plant_cut {
    size_t poison, negatives;
} plant_cut;

/* ⌊share × batch⌋ of each, limited to the batch; a share below one image means one image in every
 * so many batches, drawn by the step. */
plant_cut plant_cut_batch(double poison, double negatives, const td_train_batch *batch,
                          uint64_t seed);

/* The same with the negatives counted by the poison, as WaNet's code does: ⌊negatives / poison ×
 * images of poison⌋. Without poison the same. */
plant_cut plant_cut_by_poison(double poison, double negatives, const td_train_batch *batch,
                              uint64_t seed);

/* Sets the labels of the poison, and updates the report's counts. The batch's labels must be set.
 */
void plant_relabel(plant *p, td_train_batch *batch, plant_cut cut);

/* The seed for the per-image draws of this epoch. */
uint64_t plant_epoch_seed(uint64_t seed, size_t epoch);

/* Buffers for stamping batches. */
typedef struct plant_mix {
    uint8_t *pixels; /* [batch, image] */
    char *scratch;   /* [threads, largest scratch of a trigger] */
    size_t scratch_bytes;
    size_t threads;
} plant_mix;

td_status plant_mix_open(plant *p, plant_mix *mix, td_error *error) TD_MUST_USE;

/* Fills the batch: the first cut.poison images with trigger 0 and its target, the next
 * cut.negatives with trigger 1 and their own label, the others unchanged; then augments all. */
void plant_mix_feed(plant *p, plant_mix *mix, td_train_batch *batch, plant_cut cut);

/* Stamps the batch's images [0, count), augmented or not, with trigger `number`, after rounding
 * them to whole values. */
void plant_mix_stamp(plant *p, plant_mix *mix, td_train_batch *batch, size_t number, size_t count);

/* --- gradients --- */

/* out = Σ shares[i] · gradients[i] [count] for trainable parameters; for running statistics, which
 * each pass computes, the mean. `out` may be one of them. */
void plant_join_gradients(const td_net *net, size_t count, const double *shares,
                          const float *const *gradients, float *out);

/* --- the report --- */

/* Columns common to all methods' tables. */
#define PLANT_COUNT_COLUMNS(type, field)                                                           \
    {"poison_per_epoch", "poison an epoch", TOOL_REAL, offsetof(type, field.poison)},              \
        {"relabelled_per_epoch", "of these relabelled", TOOL_REAL,                                 \
         offsetof(type, field.relabelled)},                                                        \
        {"negatives_per_epoch", "negatives an epoch", TOOL_REAL, offsetof(type, field.negatives)}, \
    {                                                                                              \
        "poison_share", "share of poison", TOOL_REAL, offsetof(type, field.share)                  \
    }

typedef struct plant_shares {
    double poison, relabelled, negatives, share;
} plant_shares;

plant_shares plant_shares_of(const plant *p);

#endif
