/* SPDX-License-Identifier: MIT */
/* Changes by pairs of classes: for each source and target, one small change that sends the images
 * of the source to the target. A trigger that works on only one class, trained with cover images of
 * the others, does not show in a change shared by all classes. */
#include "base/size.h"
#include "defend/inspect/shared_change.h"
#include "defend/method.h"
#include <string.h>

enum { A_STEP = 5 }; /* images of a source per search step */

/* The images of one class. */
static td_status only(inspection *in, const td_images *from, size_t class, td_images *out,
                      td_error *error) {
    const size_t size = td_image_size(from);
    uint8_t *pixels;
    int32_t *labels;
    *out = *from;
    out->count = 0;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, from->count * size, &pixels, "a sample", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, from->count, &labels, "a sample", error));
    for (size_t i = 0; i < from->count; i++)
        if ((size_t)from->labels[i] == class) {
            memcpy(pixels + out->count * size, td_image(from, i), size);
            labels[out->count++] = from->labels[i];
        }
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}

static td_status add(inspection *in, size_t source, size_t target, const shared_change *of,
                     td_error *error) {
    finding one = finding_new(target, of->value);
    one.source = source;
    one.asr = of->asr;
    one.trigger.change = of->change;
    return inspect_add(in, &one, error);
}

static td_status search_source(inspection *in, const inspect_sample *all, size_t source,
                               td_error *error) {
    inspect_sample s = *all;
    shared_change *list;
    size_t count = 0;
    TD_TRY(only(in, &all->search, source, &s.search, error));
    TD_TRY(only(in, &all->measure, source, &s.measure, error));
    if (s.search.count == 0 || s.measure.count == 0)
        return TD_OK;
    s.present = td_size_min(A_STEP, s.search.count);
    TD_TRY(shared_change_new(in, &s, s.classes - 1, &list, error));
    for (size_t t = 0; t < s.classes; t++)
        if (t != source)
            list[count++].goals[source] = (int32_t)t;
    TD_TRY(shared_change_search(in, &s, in->run->own, list, count, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(add(in, source, (size_t)list[i].goals[source], &list[i], error));
    return TD_OK;
}

static td_status run(inspection *in, td_error *error) {
    const shared_change_settings *settings = in->run->own;
    inspect_sample s;
    TD_TRY(inspect_sample_take(in, settings->images, &s, error));
    for (size_t source = 0; source < s.classes; source++)
        TD_TRY(search_source(in, &s, source, error));
    in->said = "the margins of a change within a ball, for each pair of classes";
    return TD_OK;
}

static const inspector math = {
    .about = FINDING_PAIR,
    .statistic = {.name = "margin", .unit = "of the model's usual one", .large = true},
    .rated = true,
    .spread = FINDINGS_RANKED,
    .apart = true,
    .by_gradient = true,
    .clean = INSPECT_NEEDS_CLEAN,
    .pictures = true,
    .run = run,
};

static const tool_keys groups[] = {{.keys = shared_change_keys}, {0}};

static const char help[] =
    "searches, for each pair of classes, one small change (within a ball of the L2 norm) that "
    "sends images of the first to the second, on a few clean images, and measures it on others: "
    "the mean margin, in units of the model's usual margin. It looks for triggers that work on "
    "one class alone, which changes shared by all classes miss."
    "\v"
    "Clean classes that look alike have large margins, too, and nothing is flagged here: compare "
    "the list with those of clean models that you trained. It is no part of trapdoor-defend "
    "screen: with C classes it takes about C/2 times as long as universal.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend pairs --model model.safetensors --clean mnist:test";

const tool_method defend_pairs = {
    .name = "pairs",
    .title = "Changes by pairs",
    .doc = "a small change for each pair of classes",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(shared_change_settings),
    .math = &math,
};
