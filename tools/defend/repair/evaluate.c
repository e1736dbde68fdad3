/* SPDX-License-Identifier: MIT */
#include "defend/repair/evaluate.h"

#include "base/size.h"
#include "defend/hygiene.h"
#include "frame/predict.h"
#include "frame/trigger.h"
#include "measure/ratings.h"
#include <math.h>

enum { SLICE = 1024 }; /* images stamped at once; whole batches, so that bits do not change */

#define AT(field) offsetof(repair_truth, field)

const td_key repair_test_keys[] = {
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Images that measure the model before and after, none of them among the others (split "
             "test)"},
    {0},
};

const td_key repair_trigger_keys[] = {
    {"trigger", TD_KEY_TEXT, AT(triggers), .many = true, .value = "TRIGGER",
     .help = "Only to measure: this trigger's ASR before and after; may be repeated, each with its "
             "--target"},
    {"target", TD_KEY_CLASS, AT(targets), .many = true, .alias = "target-map",
     .value = TOOL_TARGET_VALUE, .help = "The target of the trigger before it: " TOOL_TARGET_HELP},
    {0},
};

/* --- inputs --- */

static td_status open_backdoor(repair_evaluator *e, const char *text, const char *target,
                               const td_net *net, td_error *error) {
    const td_shape shape = td_net_input(net);
    const size_t classes = td_net_classes(net);
    const td_images none = {.height = shape.height,
                            .width = shape.width,
                            .channels = shape.channels,
                            .classes = classes};
    repair_backdoor *backdoor = &e->backdoors[e->backdoor_count++];
    TD_TRY(tool_run_target(e->run, "--target", target,
                           e->test.name ? e->test.images.classes : classes, &backdoor->target,
                           error));
    return tool_trigger_open(e->run, text, e->test.name ? &e->test.images : &none, e->test.first,
                             &backdoor->trigger, error);
}

td_status repair_open(repair_evaluator *e, tool_run *run, const repair_truth *truth,
                      const td_net *net, td_error *error) {
    *e = (repair_evaluator){.run = run};
    if (truth->triggers.count > REPAIR_MOST_TRIGGERS)
        return td_fail(error, TD_ERR_USAGE, "--trigger: expected at most %d", REPAIR_MOST_TRIGGERS);
    if (truth->test) {
        TD_TRY(tool_run_dataset(run, truth->test, "test", &e->test, error));
        TD_TRY(defend_check_data(&e->test, net, error));
    }
    for (size_t i = 0; i < truth->triggers.count; i++)
        TD_TRY(open_backdoor(e, truth->triggers.texts[i], truth->targets.texts[i], net, error));
    return TD_OK;
}

void repair_close(repair_evaluator *e) {
    for (size_t i = 0; i < e->backdoor_count; i++)
        td_trigger_free(e->backdoors[i].trigger);
    td_dataset_close(&e->test);
    *e = (repair_evaluator){0};
}

td_status repair_clean(const repair_evaluator *e, const td_dataset *clean, const char *option,
                       const td_dataset *other, td_images *out, td_error *error) {
    const hygiene_words words = {option, "repairs"};
    td_dataset judged[2]; /* views */
    size_t sets = 0, count;
    uint32_t *kept;
    *out = clean->images;
    if (e->test.name)
        judged[sets++] = e->test;
    if (other)
        judged[sets++] = *other;
    if (sets == 0)
        return TD_OK;
    TD_TRY(hygiene_check(e->run, clean, &words, judged, sets, &kept, &count, error));
    return count == clean->images.count
               ? TD_OK
               : defend_gather(&clean->images, kept, count, &e->run->arena, out, error);
}

/* --- measurement --- */

/* Measures one model on --test. */
typedef struct bench {
    const repair_evaluator *evaluator;
    const td_net *net;
    const float *weights;
    int32_t *predicted;
    tool_pass pass;
} bench;

/* The classes of all images, stamped. */
static td_status predict_stamped(bench *b, const td_trigger *trigger, td_error *error) {
    const td_dataset *test = &b->evaluator->test;
    const uint64_t seed = b->evaluator->run->common->seed;
    for (size_t first = 0; first < test->images.count; first += SLICE) {
        td_images images =
            td_images_slice(&test->images, first, td_size_min(first + SLICE, test->images.count));
        td_arena arena = {0};
        td_status status = td_trigger_stamp(trigger, &images, (td_stamp){seed, test->first + first},
                                            &arena, &images, error);
        if (status == TD_OK)
            status = tool_predict_classes(b->net, b->weights, &images, &b->pass,
                                          b->predicted + first, error);
        td_arena_free(&arena);
        TD_TRY(status);
    }
    return TD_OK;
}

static td_status measure(bench *b, repair_figures *figures, td_error *error) {
    const td_images *images = &b->evaluator->test.images;
    TD_TRY(tool_predict_classes(b->net, b->weights, images, &b->pass, b->predicted, error));
    figures->accuracy = td_accuracy(b->predicted, images->labels, images->count);
    for (size_t i = 0; i < images->count; i++) {
        td_rate *rate = &figures->classes[images->labels[i]].accuracy;
        rate->trials++;
        rate->hits += b->predicted[i] == images->labels[i];
    }
    for (size_t c = 0; c < figures->class_count; c++) {
        const td_rate counts = figures->classes[c].accuracy;
        figures->classes[c] = (repair_class){c, td_rate_of(counts.hits, counts.trials)};
    }
    for (size_t k = 0; k < b->evaluator->backdoor_count; k++) {
        const repair_backdoor *backdoor = &b->evaluator->backdoors[k];
        TD_TRY(predict_stamped(b, backdoor->trigger, error));
        figures->attacks[k] = (repair_attack){
            .trigger = td_trigger_text(backdoor->trigger),
            .target = backdoor->target,
            .asr = td_asr(b->predicted, images->labels, images->count, backdoor->target.of),
            .robust_accuracy = td_accuracy(b->predicted, images->labels, images->count),
            .ra = td_ra(b->predicted, images->labels, images->count, backdoor->target.of),
            .der = NAN,
            .rir = NAN};
    }
    return TD_OK;
}

static void rate_repair(const repair_figures *before, repair_figures *after, size_t k) {
    const repair_attack *old = &before->attacks[k];
    repair_attack *new = &after->attacks[k];
    const double whole = before->accuracy.value, left = after->accuracy.value;
    new->der = td_der(whole, left, old->asr.value, new->asr.value);
    new->rir = td_rir(whole, left, old->ra.value, new->ra.value);
}

td_status repair_measure(const repair_evaluator *e, const td_net *net, const float *weights,
                         const repair_figures *before, repair_figures *figures, td_error *error) {
    const size_t images = e->test.images.count;
    bench b = {.evaluator = e, .net = net, .weights = weights};
    *figures = (repair_figures){.class_count = td_net_classes(net)};
    if (!e->test.name)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&e->run->arena, figures->class_count, &figures->classes, "rates", error));
    TD_TRY(TD_ARENA_NEW(&e->run->arena, images, &b.predicted, "predictions", error));
    b.pass = tool_run_pass(e->run, before ? "measuring after" : "measuring before",
                           (e->backdoor_count + 1) * images);
    td_status status = measure(&b, figures, error);
    tool_pass_end(&b.pass);
    for (size_t k = 0; before && k < e->backdoor_count; k++)
        rate_repair(before, figures, k);
    return status;
}

/* --- report --- */

static const tool_column accuracy_column[] = {
    {"accuracy", NULL, TOOL_RATE, offsetof(repair_figures, accuracy)}, {0}};

static const tool_column class_columns[] = {
    {"class", NULL, TOOL_CLASS, offsetof(repair_class, number)},
    {"accuracy", NULL, TOOL_RATE, offsetof(repair_class, accuracy)},
    {0},
};

static const tool_column attack_columns[] = {
    {"trigger", NULL, TOOL_TEXT, offsetof(repair_attack, trigger)},
    TOOL_TARGET_COLUMNS(repair_attack, target, NULL, NULL),
    {"asr", NULL, TOOL_RATE, offsetof(repair_attack, asr)},
    {"robust_accuracy", NULL, TOOL_RATE, offsetof(repair_attack, robust_accuracy)},
    {"ra", NULL, TOOL_RATE, offsetof(repair_attack, ra)},
    {"der", NULL, TOOL_REAL, offsetof(repair_attack, der)},
    {"rir", NULL, TOOL_REAL, offsetof(repair_attack, rir)},
    {0},
};

static const tool_table_kind
    accuracy_field = {.columns = accuracy_column, .row = sizeof(repair_figures), .single = true},
    class_rows = {.name = "classes", .columns = class_columns, .row = sizeof(repair_class)},
    attack_rows = {.name = "triggers", .columns = attack_columns, .row = sizeof(repair_attack)};

static td_status add_figures(const repair_evaluator *e, const char *path,
                             const repair_figures *figures, td_error *error) {
    TD_TRY(tool_run_rows(e->run, &accuracy_field, path, figures, 1, error));
    TD_TRY(tool_run_rows(e->run, &class_rows, path, figures->classes, figures->class_count, error));
    return tool_run_rows(e->run, &attack_rows, path, figures->attacks, e->backdoor_count, error);
}

/* One figure: of all images, of a class, or with a trigger. */
typedef struct compared {
    const char *figure, *trigger;
    size_t class;
    tool_target target;
    td_rate before, after;
    double der, rir;
} compared;

static const tool_column compared_columns[] = {
    {"figure", "figure", TOOL_TEXT, offsetof(compared, figure)},
    {"class", "class", TOOL_CLASS, offsetof(compared, class)},
    {"trigger", "trigger", TOOL_TEXT, offsetof(compared, trigger)},
    TOOL_TARGET_COLUMNS(compared, target, "target", "targets"),
    {"before", "before", TOOL_RATE, offsetof(compared, before)},
    {"after", "after", TOOL_RATE, offsetof(compared, after)},
    {"der", "DER", TOOL_REAL, offsetof(compared, der), .digits = 4},
    {"rir", "RIR", TOOL_REAL, offsetof(compared, rir), .digits = 4},
    {0},
};

static const tool_table_kind comparison = {.name = "comparison",
                                           .title = "Before and after the repair",
                                           .columns = compared_columns,
                                           .row = sizeof(compared)};

/* The three figures of a trigger. */
static td_status compare_attack(const repair_evaluator *e, tool_table *table,
                                const repair_attack *old, const repair_attack *new,
                                td_error *error) {
    const compared rows[] = {
        {"ASR", new->trigger, TOOL_NO_COUNT, new->target, old->asr, new->asr, new->der, NAN},
        {"RA", new->trigger, TOOL_NO_COUNT, new->target, old->ra, new->ra, NAN, new->rir},
        {"robust accuracy", new->trigger, TOOL_NO_COUNT, new->target, old->robust_accuracy,
         new->robust_accuracy, NAN, NAN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        TD_TRY(tool_run_fill(e->run, table, &rows[i], error));
    return TD_OK;
}

static td_status compare(const repair_evaluator *e, const repair_figures *before,
                         const repair_figures *after, td_error *error) {
    compared row = {.figure = "accuracy",
                    .class = TOOL_NO_COUNT,
                    .target = tool_target_none(),
                    .before = before->accuracy,
                    .after = after->accuracy,
                    .der = NAN,
                    .rir = NAN};
    tool_table *table;
    TD_TRY(tool_run_open(e->run, &comparison, NULL, &table, error));
    TD_TRY(tool_run_fill(e->run, table, &row, error));
    for (size_t k = 0; k < e->backdoor_count; k++)
        TD_TRY(compare_attack(e, table, &before->attacks[k], &after->attacks[k], error));
    for (row.class = 0; row.class < before->class_count; row.class ++) {
        row.before = before->classes[row.class].accuracy;
        row.after = after->classes[row.class].accuracy;
        if (row.before.trials > 0)
            TD_TRY(tool_run_fill(e->run, table, &row, error));
    }
    return TD_OK;
}

td_status repair_report(const repair_evaluator *e, const repair_figures *before,
                        const repair_figures *after, td_error *error) {
    if (!e->test.name)
        return TD_OK;
    tool_run_set(e->run, "test", "{ss sz}", "data", e->test.name, "images", e->test.images.count);
    TD_TRY(add_figures(e, "/test/before", before, error));
    TD_TRY(add_figures(e, "/test/after", after, error));
    return compare(e, before, after, error);
}
