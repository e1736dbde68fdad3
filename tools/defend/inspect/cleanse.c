/* SPDX-License-Identifier: MIT */
/* Neural Cleanse: finds classes to which a small trigger sends every image. */
#include "defend/inspect/cleanse.h"

#include "base/size.h"
#include "defend/method.h"
#include "frame/classes.h"
#include "frame/identity.h"
#include <string.h>

/* --- before the search --- */

static td_status prepare(inspection *in, td_error *error) {
    static const char what[] = "triggers";
    td_arena *arena = &in->run->arena;
    const size_t places = in->images.height * in->images.width;
    const cleanse_options *o = in->run->own;
    cleanse *c;
    TD_TRY(TD_ARENA_NEW(arena, 1, &c, what, error));
    in->state = c;
    c->options = o;
    TD_TRY(tool_run_class_list(in->run, "--classes", o->classes, &in->classes, &in->class_count,
                               error));
    TD_TRY(TD_ARENA_NEW(arena, in->class_count, &c->found, what, error));
    for (size_t i = 0; i < in->class_count; i++) {
        TD_TRY(TD_ARENA_NEW(arena, places, &c->found[i].mask, what, error));
        TD_TRY(
            TD_ARENA_NEW(arena, places * in->images.channels, &c->found[i].pattern, what, error));
    }
    if (!in->settings->folder)
        return TD_OK;
    in->run->outputs.force |= o->resume; /* pictures of the resumed search */
    return cleanse_state_load(in, error);
}

/* --- the search --- */

/* Everything that determines a trigger's bytes, and the classes to search. */
static json_t *identity_of(td_json *json, const inspection *in, const char *net) {
    const cleanse_settings *s = &((const cleanse *)in->state)->options->search;
    const json_t *root = in->run->record.root;
    const size_t bytes = in->model.net.weight_count * sizeof *in->model.weights;
    json_t *classes = td_json_array(json);
    for (size_t i = 0; i < in->class_count; i++)
        td_json_append(json, classes, td_json_count(json, in->classes[i]));
    return td_json_pack(json, "{sO sO sO sO so so so sz sz sf sz so}", "version",
                        json_object_get(root, "version"), "kernel", json_object_get(root, "kernel"),
                        "blas_core", json_object_get(root, "blas_core"), "seed",
                        json_object_get(root, "seed"), "net", tool_digest(json, net, strlen(net)),
                        "weights", tool_digest(json, in->model.weights, bytes), "clean",
                        tool_images_digest(json, &in->images), "steps", s->steps, "batch", s->batch,
                        "attack_rate", s->attack_rate, "patience", s->patience, "classes", classes);
}

td_status cleanse_identity(const inspection *in, json_t **out, td_error *error) {
    td_arena arena = {0};
    char *net;
    td_status status = td_net_text(&in->model.net, &arena, &net, error);
    td_json json = in->run->record.json; /* fails if the record lacks a field */
    if (status == TD_OK) {
        *out = identity_of(&json, in, net);
        status = td_json_end(&json, out, "the triggers' metadata", error);
    }
    td_arena_free(&arena);
    return status;
}

static td_status run(inspection *in, td_error *error) {
    cleanse *c = in->state;
    const cleanse_settings *settings = &c->options->search;
    in->ready = c->done;
    in->has_gradient = c->done > 0; /* without one none are written */
    in->steps = settings->steps;
    TD_TRY(tool_run_text(in->run, &in->said, error,
                         "the smallest triggers that reach an ASR of %g %% on %zu clean images",
                         100 * settings->attack_rate, in->images.count));
    return c->done == in->class_count
               ? TD_OK
               : cleanse_search_new(&c->search, in->run, &in->model.net, in->model.weights,
                                    &in->images, settings, error);
}

static td_status of_class(inspection *in, size_t place, finding *one, td_error *error) {
    cleanse *c = in->state;
    cleanse_found *f = &c->found[place];
    if (place >= c->done) {
        TD_TRY(cleanse_search_class(c->search, one->class, place * in->steps, f, error));
        c->done++;
        in->has_gradient |= f->has_gradient;
        if (in->has_gradient)
            TD_TRY(cleanse_state_write(in, error));
    }
    one->found = f->found;
    one->value = f->size;
    one->asr = f->asr;
    one->own[0].count = f->steps;
    if (f->found)
        one->trigger = (inspect_trigger){f->mask, f->pattern};
    return TD_OK;
}

/* --- comparison of a recovered trigger with the planted one --- */

enum { OVERLAP_IMAGES = 64 };

typedef struct overlap {
    const char *trigger;
    size_t target, pixels;
    double overlap;
} overlap;

#define AT(field) offsetof(overlap, field)

static const tool_column overlap_columns[] = {
    {"trigger", "trigger", TOOL_TEXT, AT(trigger)},
    {"target", "class", TOOL_CLASS, AT(target)},
    {"pixels", "pixels", TOOL_COUNT, AT(pixels)},
    {"overlap", "intersection over union", TOOL_REAL, AT(overlap), .digits = 3},
    {0},
};

static const tool_table_kind overlap_table = {.name = "overlaps",
                                              .title = "Overlap with the triggers given",
                                              .columns = overlap_columns,
                                              .row = sizeof(overlap)};

/* The pixels that a trigger changes on some of the images: changed[places]. */
static td_status find_changed(inspection *in, const repair_backdoor *backdoor, bool *changed,
                              td_error *error) {
    const size_t size = td_image_size(&in->images), channels = in->images.channels;
    const td_images some =
        td_images_slice(&in->images, 0, td_size_min(in->images.count, OVERLAP_IMAGES));
    const td_stamp first = {in->run->common->seed, in->clean.first};
    td_arena arena = {0};
    td_images stamped;
    td_status status = td_trigger_stamp(backdoor->trigger, &some, first, &arena, &stamped, error);
    for (size_t i = 0; status == TD_OK && i < some.count * size; i++)
        if (some.pixels[i] != stamped.pixels[i])
            changed[i % size / channels] = true;
    td_arena_free(&arena);
    return status;
}

/* Intersection over union of a recovered mask and the pixels that a trigger changes: Σ min / Σ max,
 * where changed pixels count 1 and others 0. */
static td_status find_overlap(inspection *in, const repair_backdoor *backdoor, const float *mask,
                              overlap *out, td_error *error) {
    const size_t places = in->images.height * in->images.width;
    double both = 0, either = 0;
    bool *changed;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, places, &changed, "a mask", error));
    TD_TRY(find_changed(in, backdoor, changed, error));
    *out =
        (overlap){.trigger = td_trigger_text(backdoor->trigger), .target = backdoor->target.class};
    for (size_t i = 0; i < places; i++) {
        both += changed[i] ? (double)mask[i] : 0;
        either += changed[i] ? 1 : (double)mask[i];
        out->pixels += changed[i];
    }
    out->overlap = either > 0 ? both / either : 0;
    return TD_OK;
}

static td_status add_overlaps(inspection *in, td_error *error) {
    overlap rows[REPAIR_MOST_TRIGGERS];
    size_t count = 0;
    if (in->truth.backdoor_count == 0)
        return TD_OK;
    for (size_t k = 0; k < in->truth.backdoor_count; k++) {
        const repair_backdoor *backdoor = &in->truth.backdoors[k];
        const finding *f = findings_find(&in->found, backdoor->target.class);
        if (f && f->trigger.mask)
            TD_TRY(find_overlap(in, backdoor, f->trigger.mask, &rows[count++], error));
    }
    return tool_run_rows(in->run, &overlap_table, NULL, rows, count, error);
}

/* A search can miss the small trigger that exists. */
static void note_largest(const inspection *in) {
    const finding *largest = findings_opposite(&in->found);
    if (largest)
        tool_run_note(in->run,
                      "note: class %zu's mask is unusually large (index %.2f): the search may be "
                      "stuck in a local minimum; rerun with --classes %zu and another --seed",
                      largest->class, fabs(largest->index), largest->class);
}

static td_status report(inspection *in, td_error *error) {
    const cleanse *c = in->state;
    tool_run_set(in->run, "images", "z", in->images.count);
    TD_TRY(add_overlaps(in, error));
    note_largest(in);
    return in->settings->folder && c->done > 0 ? cleanse_state_add(in, error) : TD_OK;
}

static void close_state(inspection *in) {
    cleanse *c = in->state;
    if (!c)
        return;
    cleanse_search_free(c->search);
    json_decref(c->identity);
    td_net_free(&c->pruned);
}

static const tool_column extra[] = {{"steps", "steps", TOOL_COUNT, offsetof(finding, own[0].count)},
                                    {0}};

static const inspector cleanse_inspector = {.about = FINDING_CLASS,
                                            .statistic = {.name = "size", .unit = "pixels"},
                                            .rated = true,
                                            .spread = FINDINGS_MAD,
                                            .by_gradient = true,
                                            .clean = INSPECT_NEEDS_CLEAN,
                                            .least = CLEANSE_LEAST,
                                            .extra = extra,
                                            .pictures = true,
                                            .resumes = true,
                                            .patches = true,
                                            .prepare = prepare,
                                            .run = run,
                                            .of_class = of_class,
                                            .report = report,
                                            .patch = cleanse_apply_patch,
                                            .close = close_state};

/* --- the method --- */

#undef AT
#define AT(field) offsetof(cleanse_options, field)

static const td_key keys[] = {
    {"classes", TD_KEY_TEXT, AT(classes), .value = "LIST",
     .help = "Search only these classes, such as 0,3,7"},
    {"resume", TD_KEY_FLAG, AT(resume), .needs = "triggers", .unrecorded = true,
     .help = "Resume the interrupted search in --triggers"},
    {0},
};

static const td_key search_keys[] = {
    {"steps", TD_KEY_COUNT, AT(search.steps), .least = 1, .most = 1000000, .standard = "1000",
     .value = "N", .help = "Steps of a search, at most"},
    {"batch", TD_KEY_COUNT, AT(search.batch), .least = 1, .most = 65536, .standard = "32",
     .value = "N", .help = "Images of a step"},
    {"attack-rate", TD_KEY_REAL, AT(search.attack_rate), .above = true, .most = 1,
     .standard = "0.99", .value = "R", .help = "The ASR that a trigger must reach to be kept"},
    {"patience", TD_KEY_COUNT, AT(search.patience), .least = 1, .most = 1000000, .standard = "5",
     .value = "N", .help = "Successes or failures in a row that change a pixel's cost"},
    {0},
};

static const char *const patches[] = {"unlearn", "prune", "filter", NULL};

static const td_key patch_keys[] = {
    {"patch", TD_KEY_WORD, AT(patch), .words = patches, .value = "HOW",
     .help = "Remove the backdoor; unlearn and prune write a model to -o"},
    {"patch-classes", TD_KEY_TEXT, AT(patch_classes), .needs = "patch", .value = "LIST",
     .help = "Remove the triggers of these classes, not of those flagged"},
    {"share", TD_KEY_REAL, AT(share), .above = true, .most = 1, .standard = "1",
     .needs = "patch=unlearn", .value = "R",
     .help = "Share of the clean images to make stamped copies of"},
    {"tolerance", TD_KEY_REAL, AT(tolerance), .most = 1, .standard = "0.04", .needs = "patch=prune",
     .value = "R", .help = "Loss of accuracy on clean images to accept"},
    {"fpr", TD_KEY_REAL, AT(fpr), .most = 1, .above = true, .below = true, .standard = "0.05",
     .needs = "patch=filter", .value = "R", .help = "Share of clean images to reject at most"},
    {0},
};

static const td_key tune_keys[] = {
    {"epochs", TD_KEY_COUNT, offsetof(td_train_options, epochs), .least = 1, .most = 1000000,
     .standard = "8", .value = "N", .help = "Epochs over the images"},
    {"lr", TD_KEY_REAL, offsetof(td_train_options, step.lr), .above = true, .most = INFINITY,
     .standard = "0.01", .value = "X", .help = "Learning rate"},
    {"momentum", TD_KEY_REAL, offsetof(td_train_options, step.momentum), .most = 1,
     .standard = "0.9", .value = "X", .help = "Momentum of SGD"},
    {"weight-decay", TD_KEY_REAL, offsetof(td_train_options, step.weight_decay), .most = INFINITY,
     .standard = "0", .value = "X", .help = "Weight decay"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = keys},
    {.keys = search_keys, .title = "Search", .detail = true},
    {.keys = patch_keys, .title = "Patches", .detail = true},
    {.keys = tune_keys,
     .offset = AT(tune),
     .title = "Training of --patch unlearn",
     .detail = true,
     .object = "tune",
     .needs = "patch=unlearn"},
    {0},
};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    cleanse_options *o = own;
    const inspect_settings *s = settings->family;
    o->tune.batch = CLEANSE_UNLEARN_BATCH;
    o->patches = tool_settings_given(settings, "patch");
    const bool writes = o->patches && o->patch != CLEANSE_FILTER;
    if (writes && !settings->common.output)
        return td_fail(error, TD_ERR_USAGE,
                       "--patch %s: expected -o and a file to write to, found none",
                       patches[o->patch]);
    if (!writes && settings->common.output)
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected --patch unlearn or --patch prune, whose model it takes; "
                       "--triggers DIR takes the recovered triggers");
    if (o->patches && o->patch == CLEANSE_FILTER && !s->truth.test)
        return td_fail(error, TD_ERR_USAGE,
                       "--patch filter: expected --test and images to measure it, found none");
    return TD_OK;
}

static const char help[] =
    "recovers, for each class, the smallest trigger (a mask and a pattern) that sends images of "
    "the other classes there, and flags classes whose mask is unusually small: |size - median| / "
    "(1.4826 * MAD) above 2. For each class K, --triggers DIR gets mask-K.png, pattern-K.png and "
    "trigger-K.png (a trigger for any tool: image:file=trigger-K.png,at=0+0), and "
    "triggers.safetensors (exact)."
    "\v"
    "--patch unlearn trains on stamped copies of clean images with their true labels, on clean "
    "images, and on blends of them with the model's own answers. --patch prune masks neurons "
    "before the last dense layer, those first that the trigger raises most, until it has no "
    "effect; it skips a neuron if the accuracy would fall by more than --tolerance. --patch "
    "filter rejects inputs that raise the 1 % of these neurons that the trigger raises most. "
    "--trigger also prints the overlap with the recovered mask.\n"
    "\n"
    "The index compares the classes of one model: most must be without a backdoor. It misses "
    "triggers that change the whole image. With --minutes the verdict covers the classes searched "
    "by then; the record lists the others as \"unsearched\".\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend cleanse --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --triggers triggers --json cleanse.json\n"
    "  trapdoor-defend cleanse --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-5000 --test fashion-mnist:test:5000-10000 \\\n"
    "    --patch unlearn -o cleansed.safetensors \\\n"
    "    --trigger square:size=4,at=bottom-right,value=255 --target 0";

const tool_method defend_cleanse = {
    .name = "cleanse",
    .title = "Neural Cleanse",
    .source = "Wang et al., IEEE S&P 2019",
    .doc = "Neural Cleanse: classes that a small trigger reaches",
    .help = help,
    .usage = "--model MODEL --clean DATA",
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(cleanse_options),
    .check = check,
    .math = &cleanse_inspector,
};
