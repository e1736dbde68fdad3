/* SPDX-License-Identifier: MIT */
/* Universal changes: for each class, one small change of the image, in the L2 norm, that sends
 * images of all others to it (Moosavi-Dezfooli et al., "Universal adversarial perturbations", CVPR
 * 2017, with a target; as a sign of a backdoor as in Wang et al., "Practical detection of trojan
 * neural networks: data-limited and data-free cases", ECCV 2020). */
#include "defend/inspect/shared_change.h"
#include "defend/method.h"

static td_status run(inspection *in, td_error *error) {
    const shared_change_settings *settings = in->run->own;
    inspect_sample s;
    shared_change *list;
    TD_TRY(inspect_sample_take(in, settings->images, &s, error));
    TD_TRY(shared_change_new(in, &s, s.classes, &list, error));
    for (size_t t = 0; t < s.classes; t++)
        for (size_t c = 0; c < s.classes; c++)
            list[t].goals[c] = c == t ? SHARED_CHANGE_STAYS : (int32_t)t;
    TD_TRY(shared_change_search(in, &s, settings, list, s.classes, error));
    for (size_t t = 0; t < s.classes; t++) {
        finding one = finding_new(t, list[t].value);
        one.asr = list[t].asr;
        one.trigger.change = list[t].change;
        TD_TRY(inspect_add(in, &one, error));
    }
    in->said = "the margins of a change within a ball, shared by all images";
    return TD_OK;
}

static const inspector math = {
    .statistic = {.name = "margin", .unit = "of the model's usual one", .large = true},
    .rated = true,
    .spread = FINDINGS_RANKED,
    .steady = true,
    .by_gradient = true,
    .clean = INSPECT_NEEDS_CLEAN,
    .pictures = true,
    .run = run,
};

static const tool_keys groups[] = {{.keys = shared_change_keys}, {0}};

static const char help[] =
    "searches, for each class, one small change (within a ball of the L2 norm) that sends images "
    "of all other classes there, on a few clean images, and measures it on others: the mean "
    "margin of the class, in units of the model's usual margin. Such a change is smaller for a "
    "backdoor's class."
    "\v"
    "Takes seconds where Neural Cleanse takes minutes. Nothing is flagged here: trapdoor-defend "
    "screen or audit, with --controls, compare the numbers with those of clean models.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend universal --model model.safetensors --clean mnist:test";

const tool_method defend_universal = {
    .name = "universal",
    .title = "Universal changes",
    .source = "Wang et al., ECCV 2020",
    .doc = "a small change that sends all images to a class",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(shared_change_settings),
    .math = &math,
};
