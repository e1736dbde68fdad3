/* SPDX-License-Identifier: MIT */
/* trapdoor-poison: a rule (one file each, listed in rules.c; common code in poison.c) defines which
 * images may be poisoned and how; the plan (plan.c, target.c, draw.c) chooses them; the result is
 * written as data sets (write.c, render.c), a manifest (manifest.c) and a picture (preview.c). */
#ifndef TOOLS_POISON_POISON_H
#define TOOLS_POISON_POISON_H

#include "base/arena.h"
#include "base/error.h"
#include "data/dataset.h"
#include "frame/run.h"
#include "model/model.h"
#include "trigger/trigger.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POISON_BACKDOORS = 256 }; /* most pairs of trigger and target, and most models */

/* Whether poisoned images are appended to the originals or replace them. */
typedef enum poison_mode { POISON_ADD, POISON_REPLACE } poison_mode;

/* The base of the ratio: the images that a backdoor draws from, or those of the target class among
 * them. */
typedef enum poison_base { POISON_OF_SET, POISON_OF_CLASS } poison_base;

/* The label of a poisoned image. Powers of two, to form the set that a rule accepts. */
typedef enum poison_target_kind {
    POISON_TO_CLASS = 1, /* one class */
    POISON_TO_RANDOM =
        2, /* a wrong class drawn for every image; or, depending on the rule, a class drawn once */
    POISON_TO_MAP = 4, /* depends on the image's class: the next one (all-to-all), a permutation
                          drawn once, or a list of pairs A=B */
    POISON_TO_ANY = 8, /* any class, including the image's own, drawn for every image */
} poison_target_kind;

typedef struct poison_target {
    poison_target_kind kind; /* 0: none, every image keeps its label */
    int32_t label;           /* of POISON_TO_CLASS */
    const int32_t
        *map; /* of POISON_TO_MAP: [classes]; classes mapped to themselves are not poisoned */
    const char *text; /* of POISON_TO_MAP: "next", "permutation" or "A=B,..." */
} poison_target;

/* The images that a backdoor draws from. */
typedef enum poison_pool {
    POISON_FROM_OTHERS, /* images whose label the target changes */
    POISON_FROM_ALL,
    POISON_FROM_TARGET, /* images of the target class, whose labels stay */
} poison_pool;

/* The purpose of a backdoor's images, named as in the manifest. */
typedef enum poison_role {
    POISON_ROLE_POISON, /* they teach the backdoor */
    POISON_ROLE_COVER,  /* stamped, with their true labels: they limit the backdoor */
} poison_role;

typedef struct poison_plan poison_plan;

/* An output set of a rule. */
typedef struct poison_set {
    const char *name; /* without extension; NULL ends a list */
    bool truly;       /* poisoned images keep their labels */
} poison_set;

/* A rule; its tool_method has the command-line part. */
typedef struct poison_rule {
    const poison_set
        *sets;            /* with several models, one set per model, with a number after the name */
    bool takes_ratio;     /* otherwise all images are poisoned */
    size_t most_triggers; /* 0: no trigger */
    unsigned targets;     /* allowed poison_target_kinds; 0: no --target */
    poison_target_kind target; /* the default target; 0: --target is required */
    bool draws_once;           /* a random target is one class for the whole backdoor */
    bool covers;               /* each backdoor also has cover images */
    const char *array;         /* the file of the array that the rule makes; NULL: none */
    const char *selection; /* the rule's selection of images, for the manifest; NULL: the pool */
    poison_pool pool;
    /* Draws backdoors and adds outputs; NULL: a backdoor per trigger, from all images, and all of
     * them in each set. */
    td_status (*plan)(poison_plan *plan, td_error *error);
} poison_rule;

/* The settings of all rules; each rule has key rows for those it takes. */
typedef struct poison_settings {
    td_many triggers, targets, sources; /* texts */
    double ratio;
    int ratio_of, mode;        /* poison_base, poison_mode */
    size_t models, per_model;  /* 0 if the rule has no models */
    const char *test_trigger;  /* the trigger for evaluation; NULL: the trigger */
    const char *cover_trigger; /* of cover images; NULL: the trigger */
    double cover_ratio;
    td_many cover_classes;   /* texts */
    const char *model, *net; /* the model for making images; NULL if the rule has none */
} poison_settings;

extern const char *const poison_mode_names[], *const poison_base_names[],
                                                  *const poison_role_names[];

#define POISON_AT(field) offsetof(poison_settings, field)

/* Key rows for rules. */
#define POISON_TRIGGERS                                                                            \
    {                                                                                              \
        "trigger", TD_KEY_TEXT, POISON_AT(triggers),                                               \
            .many = true, .field = "triggers", .required = true, .value = "TRIGGER",               \
            .help = "FAMILY[:key=value,...], see trapdoor-trigger(5); repeat for several "         \
                    "backdoors in "                                                                \
                    "one set"                                                                      \
    }
#define POISON_ONE_TRIGGER                                                                         \
    {                                                                                              \
        "trigger", TD_KEY_TEXT, POISON_AT(triggers),                                               \
            .many = true, .field = "triggers", .required = true, .value = "TRIGGER",               \
            .help = "FAMILY[:key=value,...], see trapdoor-trigger(5)"                              \
    }
#define POISON_TARGETS(name, what)                                                                 \
    {                                                                                              \
        "target", TD_KEY_CLASS, POISON_AT(targets), .many = true, .field = "targets",              \
                                                    .value = name,                                 \
                                                    .help = what "; K is a name or an index"       \
    }
/* The same for rules that take a map. */
#define POISON_TARGET_MAPS(what)                                                                   \
    {                                                                                              \
        "target", TD_KEY_CLASS, POISON_AT(targets),                                                \
            .many = true, .field = "targets", .alias = "target-map",                               \
            .value = "K|random|next|permutation|A=B,...",                                          \
            .help = what ": class K, a wrong one drawn for every image, or by the image's own "    \
                         "class the next one, one by a permutation drawn once, or B for A"         \
    }
#define POISON_SOURCES                                                                             \
    {                                                                                              \
        "source", TD_KEY_CLASS, POISON_AT(sources),                                                \
            .many = true, .optional = true, .field = "source_classes", .value = "K",               \
            .help = "Poison only images of class K, by name or index; repeat for several classes"  \
    }
/* The same for rules that require them. */
#define POISON_REQUIRED_SOURCES                                                                    \
    {                                                                                              \
        "source", TD_KEY_CLASS, POISON_AT(sources),                                                \
            .many = true, .required = true, .field = "source_classes", .value = "K",               \
            .help = "The class that the trigger works on, by name or index; repeat for several"    \
    }
/* The same for rules whose trigger is optional. */
#define POISON_SOURCES_OF_TRIGGER                                                                  \
    {                                                                                              \
        "source", TD_KEY_CLASS, POISON_AT(sources),                                                \
            .many = true, .optional = true, .field = "source_classes", .value = "K",               \
            .help = "The class that the trigger works on, by name or index; repeat for several"    \
    }
#define POISON_RATIO(base_text, mode_text)                                                         \
    {"ratio",                                                                                      \
     TD_KEY_REAL,                                                                                  \
     POISON_AT(ratio),                                                                             \
     .most = 1,                                                                                    \
     .above = true,                                                                                \
     .required = true,                                                                             \
     .value = "R",                                                                                 \
     .help = "Poison round(R x N) images for each backdoor, N being what --ratio-of says"},        \
        {"ratio-of",                                                                               \
         TD_KEY_WORD,                                                                              \
         POISON_AT(ratio_of),                                                                      \
         .words = poison_base_names,                                                               \
         .standard = base_text,                                                                    \
         .value = "set|class",                                                                     \
         .help = "R is a share of the images drawn from, or of those of the target class"},        \
    {                                                                                              \
        "mode", TD_KEY_WORD, POISON_AT(mode),                                                      \
            .words = poison_mode_names, .standard = mode_text, .value = "add|replace",             \
            .help = "Append the poisoned images to the originals, or replace the originals"        \
    }

/* Key rows for rules that make images with a model's gradients. */
#define POISON_MODEL(what)                                                                         \
    {"model",          TD_KEY_TEXT,      POISON_AT(model),                                         \
     .required = true, .value = "MODEL", .help = what " the classes of DATA"},                     \
    {                                                                                              \
        "net", TD_KEY_TEXT, POISON_AT(net),                                                        \
            .value = "NET",                                                                        \
            .help = "The net whose weights MODEL are, where it does not say so itself"             \
    }

/* Key rows for rules with covers; `what` describes the default classes without --cover-class. */
#define POISON_COVERS(standard_ratio, what)                                                        \
    {"cover-ratio",                                                                                \
     TD_KEY_REAL,                                                                                  \
     POISON_AT(cover_ratio),                                                                       \
     .most = 1,                                                                                    \
     .above = true,                                                                                \
     .standard = standard_ratio,                                                                   \
     .value = "R",                                                                                 \
     .help = "Cover images, stamped with their labels kept, as a share of the images drawn from"}, \
        {"cover-class",                                                                            \
         TD_KEY_CLASS,                                                                             \
         POISON_AT(cover_classes),                                                                 \
         .many = true,                                                                             \
         .optional = true,                                                                         \
         .field = "cover_classes",                                                                 \
         .value = "K",                                                                             \
         .help = "Take cover images of class K only; repeat for several (" what ")"},              \
        {"cover-trigger",          TD_KEY_TEXT,                                                    \
         POISON_AT(cover_trigger), .optional = true,                                               \
         .value = "TRIGGER",       .help = "What cover images are stamped with (the trigger)"},    \
    {                                                                                              \
        "test-trigger", TD_KEY_TEXT, POISON_AT(test_trigger),                                      \
            .optional = true, .value = "TRIGGER",                                                  \
            .help = "What the backdoor is to be measured with, as the manifest says (the trigger)" \
    }

extern const tool_family poison_rules;

extern const tool_method poison_dirty_label, poison_clean_label, poison_friendnet,
    poison_multi_target, poison_label_flip, poison_stamp, poison_adaptive, poison_source_specific,
    poison_label_consistent, poison_narcissus, poison_feature_collision, poison_gradient_matching,
    poison_untargeted;

/* One image of an output. */
typedef struct poison_item {
    size_t source;         /* index in DATA */
    int32_t label;         /* in the output */
    int32_t backdoor;      /* number of the backdoor, or -1: unchanged */
    const uint8_t *pixels; /* the rule's image before stamping; NULL: unchanged */
    size_t turn;           /* of A|B: 1 + the number of the image in the draw; 0: not drawn */
} poison_item;

typedef struct poison_output {
    const char *name, *file; /* without and with its extension */
    size_t begin, end;       /* range of the source's images in it */
    size_t count, poisoned, covers;
    poison_item *items; /* [count] */
} poison_output;

/* The result of searching for the parts that a trigger's text leaves open (pixel_search.c). */
typedef struct poison_search {
    bool at, value;      /* "auto" */
    size_t place;        /* row * width + column of the pixel */
    uint8_t rgb[3];      /* grey: all three the same */
    size_t images_near;  /* clean images whose pixel there is close to this colour... */
    double mean_squared; /* ... and the mean squared distance over all of them */
} poison_search;

/* How similar stamped images are to their originals (measure/similarity.h). */
typedef struct poison_similarity {
    size_t images;     /* measured */
    size_t unchanged;  /* images that the trigger did not change, with infinite PSNR */
    double psnr;       /* mean of the others, in dB; NaN without any */
    double ssim;       /* mean of all; NaN without any */
    double ssim_least; /* of one image */
    int linf;          /* the largest change of a value in all images, in levels */
} poison_similarity;

/* One pair of trigger and target, and the images drawn for it. */
typedef struct poison_backdoor {
    poison_role role;
    const td_trigger *trigger;              /* NULL: none */
    const char *trigger_text, *target_text; /* "3", "random", a map's text; NULL for none */
    const char *test_text;                  /* of the test trigger; NULL: the same as the trigger */
    const char *role_name;                  /* NULL if the rule has only one role */
    const char *target_name;                /* if the target is one class; NULL: not known */
    poison_target target;
    signed char drawn;           /* 1 for a target class drawn by the seed, else -1 */
    size_t set_size, class_size; /* images drawn from; images of the target class */
    poison_item *items;          /* [count], with the target's label */
    size_t count;
    double of_set,
        of_class; /* count as a share of these; NaN if there are none of the target class */
    poison_similarity similarity; /* without images if there is no trigger */
} poison_backdoor;

struct poison_plan {
    tool_run *run;
    const poison_settings *settings;
    const poison_rule *rule;
    const char *data; /* the source as the user named it */
    poison_mode mode;
    poison_target targets[POISON_BACKDOORS];
    size_t target_count;
    td_dataset source;
    td_model model;      /* of rules with a model; else zeroed */
    size_t source_files; /* the first of the record's inputs, which belong to the source */
    size_t model_files;  /* those and the model's */
    td_trigger *triggers[POISON_BACKDOORS];   /* as many as settings->triggers */
    td_trigger *cover_trigger, *test_trigger; /* or NULL */
    poison_search searches[POISON_BACKDOORS];
    bool *source_classes;       /* [classes]; NULL: all */
    bool *cover_classes;        /* [classes]; NULL: all */
    poison_backdoor *backdoors; /* as the rule made them, at most POISON_BACKDOORS */
    size_t backdoor_count;
    poison_output *outputs; /* [output_count], named from the beginning on */
    size_t output_count, outputs_put;
    bool *taken;        /* [images]: already replaced */
    const float *array; /* [height, width, channels]: content of the rule's file */
    td_arena arena;     /* owns everything except the source and the triggers */
};

/* Reads trigger `number` if its text contains a pixel to search for; until that is found, the
 * trigger has the text's other keys. Otherwise it stays NULL. */
td_status poison_search_read(poison_plan *plan, size_t number, td_error *error) TD_MUST_USE;

/* Searches for these pixels, in command-line order. */
td_status poison_search_run(poison_plan *plan, td_error *error) TD_MUST_USE;

/* Reads the targets and the triggers (poison_plan_make resolves "auto"), and names the outputs. */
td_status poison_plan_read(poison_plan *plan, td_error *error) TD_MUST_USE;

/* Opens the source, checks targets and triggers against it, and runs the rule's draws. */
td_status poison_plan_make(poison_plan *plan, td_error *error) TD_MUST_USE;

/* Reads the kinds of the targets, paired with the triggers, or the rule's own target. TD_ERR_USAGE.
 */
td_status poison_targets_read(poison_plan *plan, td_error *error) TD_MUST_USE;

/* Resolves the targets among the classes of the data, and draws permutations. TD_ERR_USAGE for text
 * that is neither a class nor a map, and for a pair A=B whose A has no image. */
td_status poison_targets_find(poison_plan *plan, td_error *error) TD_MUST_USE;

/* Whether images of the class keep their label under the target. */
bool poison_target_keeps(const poison_target *target, int32_t label);

/* "3", "random" or the map's text; `text` holds at least 16 bytes. */
const char *poison_target_text(const poison_target *target, char text[16]);

/* Accepts a zeroed plan. */
void poison_plan_free(poison_plan *plan);

/* The images of a class among the images [begin, end) of the source. */
size_t poison_class_size(const poison_plan *plan, int32_t label, size_t begin, size_t end);

/* For rules. Appends a backdoor (`trigger` may be NULL) and draws its images from images [begin,
 * end) of the source: the ratio of them, from the rule's pool and the source classes; in replace
 * mode without repetition. Draws a random target class here. */
td_status poison_draw(poison_plan *plan, const td_trigger *trigger, poison_target target,
                      size_t begin, size_t end, td_error *error) TD_MUST_USE;

/* Appends the cover images of the previous backdoor: the settings' share of images [begin, end),
 * from the cover classes and not the target, not taken by any backdoor. */
td_status poison_draw_covers(poison_plan *plan, size_t begin, size_t end,
                             td_error *error) TD_MUST_USE;

/* Appends a backdoor of all images, without a target. */
td_status poison_draw_all(poison_plan *plan, const td_trigger *trigger,
                          td_error *error) TD_MUST_USE;

/* For rules that make images: allocates a backdoor's images, [count, image]; each item points to
 * its own. */
td_status poison_make(poison_plan *plan, poison_backdoor *backdoor, uint8_t **pixels,
                      td_error *error) TD_MUST_USE;

/* All images of the source classes, by index in DATA, in an order drawn by the seed. */
td_status poison_draw_sources(poison_plan *plan, uint32_t **sources, size_t *count,
                              td_error *error) TD_MUST_USE;

/* Image `source` of DATA, stamped by the trigger, into `pixels`; `scratch` as poison_render's. */
void poison_stamp_source(const poison_plan *plan, const td_trigger *trigger, size_t source,
                         uint8_t *pixels, void *scratch);

/* The originals of `count` items, as floats (raw, 0–255), [count, image]. */
void poison_originals(const poison_plan *plan, const poison_item *items, size_t count, float *out);

/* For rules. The next output: images [begin, end) and those of backdoors [first, last), added or in
 * place depending on the mode, with the target's label or (`truly`) their own. */
td_status poison_put(poison_plan *plan, size_t begin, size_t end, size_t first, size_t last,
                     bool truly, td_error *error) TD_MUST_USE;

/* The manifest. The outputs are already written, with their digests in the record; input digests
 * also come from the record. The caller owns *out. */
td_status poison_manifest(const poison_plan *plan, json_t **out, td_error *error) TD_MUST_USE;

/* Puts the resolved settings into the record's options: full triggers, targets, classes. */
void poison_record_options(const poison_plan *plan);

/* Writes samples of the result as a picture. */
td_status poison_preview(poison_plan *plan, FILE *stream, td_error *error) TD_MUST_USE;

/* The pixels of one item, into `pixels`. `scratch`, aligned to 64 bytes, holds poison_scratch
 * bytes, a multiple of 64. */
void poison_render(const poison_plan *plan, const poison_item *item, uint8_t *pixels,
                   void *scratch);
size_t poison_scratch(const poison_plan *plan);

/* Writes an output as a data set, a block of images at a time, and measures the similarity for
 * backdoors that first appear in it. The run's progress continues from `before`. */
td_status poison_render_output(poison_plan *plan, const poison_output *output, FILE *stream,
                               size_t before, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE if an output file already exists, without --force. */
td_status poison_write_check(const poison_plan *plan, td_error *error) TD_MUST_USE;

/* Writes all files, and fills the run's tables. */
td_status poison_write(poison_plan *plan, td_error *error) TD_MUST_USE;

#endif
