/* SPDX-License-Identifier: MIT */
/* Maps of classes: one small change that sends the images of each class to a different class, as an
 * all-to-all backdoor does (y becomes y + 1, or any permutation). It searches every cyclic map;
 * then it reads the map that the best of these changes actually show, and searches that: a trigger
 * that agrees with a cyclic map on a few classes reveals where it sends the others. */
#include "defend/inspect/shared_change.h"
#include "defend/method.h"
#include <string.h>

enum { REFINED = 3, ROUNDS = 2 };

/* The permutation that a change shows: the largest margin gives the first pair, the largest among
 * the remaining classes the next. A class left only with itself stays. Goals are
 * SHARED_CHANGE_STAYS at first. */
static void read_map(const inspect_sample *s, const double *margins, int32_t *goals,
                     bool *reached) {
    memset(reached, 0, s->classes * sizeof *reached);
    for (size_t pair = 0; pair < s->classes; pair++) {
        size_t from = s->classes, to = 0;
        for (size_t c = 0; c < s->classes; c++)
            for (size_t t = 0; t < s->classes && goals[c] == SHARED_CHANGE_STAYS; t++)
                if (t != c && !reached[t] &&
                    (from == s->classes ||
                     margins[c * s->classes + t] > margins[from * s->classes + to])) {
                    from = c;
                    to = t;
                }
        if (from == s->classes)
            return;
        goals[from] = (int32_t)to;
        reached[to] = true;
    }
}

/* Moves the REFINED largest to the front. */
static void select_best(shared_change *list, size_t count) {
    for (size_t i = 0; i < REFINED && i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (list[k].value > list[i].value) {
                const shared_change other = list[i];
                list[i] = list[k];
                list[k] = other;
            }
}

static td_status map_text(inspection *in, const shared_change *of, size_t classes, const char **out,
                          td_error *error) {
    *out = "";
    for (size_t c = 0; c < classes; c++)
        TD_TRY(tool_run_text(in->run, out, error, "%s%s%d", *out, c == 0 ? "" : ",",
                             of->goals[c] == SHARED_CHANGE_STAYS ? (int)c : (int)of->goals[c]));
    return TD_OK;
}

static td_status add(inspection *in, const inspect_sample *s, const shared_change *of,
                     td_error *error) {
    finding one = finding_new(0, of->value);
    one.asr = of->asr;
    one.trigger.change = of->change;
    TD_TRY(map_text(in, of, s->classes, &one.map, error));
    return inspect_add(in, &one, error);
}

/* The map derived from the best cyclic ones. */
static td_status refine(inspection *in, const inspect_sample *s,
                        const shared_change_settings *settings, const shared_change *best,
                        size_t count, shared_change *out, td_error *error) {
    shared_change *list;
    double *margins;
    bool *reached;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->classes * s->classes, &margins, "margins", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->classes, &reached, "classes", error));
    TD_TRY(shared_change_new(in, s, count, &list, error));
    for (size_t i = 0; i < count; i++)
        memcpy(list[i].change, best[i].change, s->values * sizeof *list[i].change);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            TD_TRY(shared_change_margins(in, s, list[i].change, margins, error));
            for (size_t c = 0; c < s->classes; c++)
                list[i].goals[c] = SHARED_CHANGE_STAYS;
            read_map(s, margins, list[i].goals, reached);
            memset(list[i].change, 0, s->values * sizeof *list[i].change);
        }
        TD_TRY(shared_change_search(in, s, settings, list, count, error));
    }
    select_best(list, count);
    *out = list[0];
    return TD_OK;
}

/* One finding, the best map, whose raw value is compared: the difficulty of the others, relative to
 * their median, reflects the training more than a backdoor. */
static td_status run(inspection *in, td_error *error) {
    const shared_change_settings *settings = in->run->own;
    inspect_sample s;
    shared_change *list, refined;
    TD_TRY(inspect_sample_take(in, settings->images, &s, error));
    const size_t count = s.classes - 1;
    TD_TRY(shared_change_new(in, &s, count, &list, error));
    for (size_t j = 0; j < count; j++)
        for (size_t c = 0; c < s.classes; c++)
            list[j].goals[c] = (int32_t)((c + j + 1) % s.classes);
    TD_TRY(shared_change_search(in, &s, settings, list, count, error));
    select_best(list, count);
    TD_TRY(refine(in, &s, settings, list, count < REFINED ? count : REFINED, &refined, error));
    in->said = "the margins of a change within a ball that moves every class";
    return add(in, &s, refined.value > list[0].value ? &refined : &list[0], error);
}

static const inspector math = {
    .about = FINDING_MAP,
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
    "Search one small change that sends each class to another one, as an all-to-all backdoor "
    "does: all cyclic maps (class y becomes y + j), then the map of any kind that the best of "
    "their changes show. Report the best map; margins are as in trapdoor-defend universal."
    "\v"
    "Nothing is flagged here: trapdoor-defend screen or audit, with --controls, compare the "
    "numbers with those of clean models.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend maps --model model.safetensors --clean mnist:test";

const tool_method defend_maps = {
    .name = "maps",
    .title = "Maps of classes",
    .doc = "a small change that moves every class",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(shared_change_settings),
    .math = &math,
};
