#include "defend/repair/evaluate.h"

#include "base/size.h"
#include "defend/hygiene.h"
#include "frame/predict.h"
#include "frame/trigger.h"

enum { SLICE = 1024 }; /* images that are stamped at once; whole batches, so that bits stay */

#define AT(field) offsetof(repair_truth, field)

const td_key repair_test_keys[] = {
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Images that measure the model before and after, none of them among the others (split "
             "test)"},
    {0},
};

const td_key repair_trigger_keys[] = {
    {"trigger", TD_KEY_TEXT, AT(triggers), .many = true, .value = "TRIGGER",
     .help = "For measurement only: what this trigger does before and after; may be repeated, each "
             "with its --target"},
    {"target", TD_KEY_COUNT, AT(targets), .most = TD_MOST_CLASSES - 1, .many = true, .value = "K",
     .help = "The class that the trigger before it is to give"},
    {0},
};

/* --- inputs --- */

static td_status open_backdoor(repair_evaluator *e, const char *text, size_t target,
                               const td_net *net, td_error *error) {
    const td_shape shape = td_net_input(net);
    const size_t classes = td_net_classes(net);
    const td_images none = {.height = shape.height,
                            .width = shape.width,
                            .channels = shape.channels,
                            .classes = classes};
    repair_backdoor *backdoor = &e->backdoors[e->backdoor_count++];
    backdoor->target = target;
    if (target >= classes)
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       classes - 1, target);
    return tool_trigger_open(e->run, text, e->test.name ? &e->test.images : &none,
                             &backdoor->trigger, error);
}

td_status repair_open(repair_evaluator *e, tool_run *run, const repair_truth *truth,
                      const td_net *net, td_error *error) {
    *e = (repair_evaluator){.run = run};
    if (truth->triggers.count > REPAIR_MOST_TRIGGERS)
        return td_fail(error, TD_ERR_USAGE, "--trigger: expected at most %d", REPAIR_MOST_TRIGGERS);
    if (truth->test) {
        TD_TRY(defend_open_data(run, truth->test, "test", &e->test, error));
        TD_TRY(defend_check_data(&e->test, net, error));
    }
    for (size_t i = 0; i < truth->triggers.count; i++)
        TD_TRY(open_backdoor(e, truth->triggers.texts[i], truth->targets.counts[i], net, error));
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

/* One model at work on --test. */
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
        td_rate *rate = &figures->classes[images->labels[i]];
        rate->trials++;
        rate->hits += b->predicted[i] == images->labels[i];
    }
    for (size_t c = 0; c < figures->class_count; c++)
        figures->classes[c] = td_rate_of(figures->classes[c].hits, figures->classes[c].trials);
    for (size_t k = 0; k < b->evaluator->backdoor_count; k++) {
        const repair_backdoor *backdoor = &b->evaluator->backdoors[k];
        TD_TRY(predict_stamped(b, backdoor->trigger, error));
        figures->attacks[k] = (repair_attack){
            td_asr(b->predicted, images->labels, images->count, (int32_t)backdoor->target),
            td_accuracy(b->predicted, images->labels, images->count)};
    }
    return TD_OK;
}

td_status repair_measure(const repair_evaluator *e, const char *what, const td_net *net,
                         const float *weights, repair_figures *figures, td_error *error) {
    const size_t images = e->test.images.count;
    bench b = {.evaluator = e, .net = net, .weights = weights};
    *figures = (repair_figures){.class_count = td_net_classes(net)};
    if (!e->test.name)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&e->run->arena, figures->class_count, &figures->classes, "rates", error));
    TD_TRY(TD_ARENA_NEW(&e->run->arena, images, &b.predicted, "predictions", error));
    b.pass = tool_run_pass(e->run, what, (e->backdoor_count + 1) * images);
    td_status status = measure(&b, figures, error);
    tool_pass_end(&b.pass);
    return status;
}

/* --- report --- */

double repair_der(double accuracy_before, double accuracy_after, double asr_before,
                  double asr_after) {
    const double asr = asr_before - asr_after, accuracy = accuracy_before - accuracy_after;
    return ((asr > 0 ? asr : 0) - (accuracy > 0 ? accuracy : 0) + 1) / 2;
}

static double der_of(const repair_figures *before, const repair_figures *after, size_t backdoor) {
    return repair_der(before->accuracy.value, after->accuracy.value,
                      before->attacks[backdoor].asr.value, after->attacks[backdoor].asr.value);
}

/* `before` is NULL for the figures of the model before. */
static json_t *figures_json(const repair_evaluator *e, const repair_figures *before,
                            const repair_figures *figures) {
    json_t *root = json_object(), *classes = json_array(), *triggers = json_array();
    tool_json_rate(root, "accuracy", &figures->accuracy);
    for (size_t c = 0; c < figures->class_count; c++) {
        json_t *entry = json_pack("{sI}", "class", (json_int_t)c);
        if (figures->classes[c].trials > 0)
            tool_json_rate(entry, "accuracy", &figures->classes[c]);
        json_array_append_new(classes, entry);
    }
    for (size_t k = 0; k < e->backdoor_count; k++) {
        json_t *entry = json_pack("{ss sI}", "trigger", td_trigger_text(e->backdoors[k].trigger),
                                  "target", (json_int_t)e->backdoors[k].target);
        tool_json_rate(entry, "asr", &figures->attacks[k].asr);
        tool_json_rate(entry, "robust_accuracy", &figures->attacks[k].robust_accuracy);
        if (before)
            json_object_set_new(entry, "der", json_real(der_of(before, figures, k)));
        json_array_append_new(triggers, entry);
    }
    json_object_set_new(root, "classes", classes);
    json_object_set_new(root, "triggers", triggers);
    return root;
}

enum { FIGURE, CLASS, TRIGGER, TARGET, BEFORE, AFTER, DER };

static const tool_column columns[] = {
    [FIGURE] = {"figure", "figure", TOOL_TEXT},     [CLASS] = {"class", "class", TOOL_COUNT},
    [TRIGGER] = {"trigger", "trigger", TOOL_TEXT},  [TARGET] = {"target", "target", TOOL_COUNT},
    [BEFORE] = {"before", "before", TOOL_RATE},     [AFTER] = {"after", "after", TOOL_RATE},
    [DER] = {"der", "DER", TOOL_REAL, .digits = 4}, {0},
};

static const tool_table_kind comparison = {
    .name = "comparison", .title = "Before and after the repair", .columns = columns};

static td_status add_row(const repair_evaluator *e, tool_table *table, const char *figure,
                         td_rate before, td_rate after, tool_cell **row, td_error *error) {
    TD_TRY(tool_run_row(e->run, table, row, error));
    tool_cell_word(&(*row)[FIGURE], figure);
    tool_cell_rate(&(*row)[BEFORE], before);
    tool_cell_rate(&(*row)[AFTER], after);
    return TD_OK;
}

static td_status add_of_trigger(const repair_evaluator *e, tool_table *table, const char *figure,
                                const repair_backdoor *backdoor, td_rate before, td_rate after,
                                tool_cell **row, td_error *error) {
    TD_TRY(add_row(e, table, figure, before, after, row, error));
    TD_TRY(tool_run_cell(e->run, &(*row)[TRIGGER], td_trigger_text(backdoor->trigger), error));
    tool_cell_count(&(*row)[TARGET], backdoor->target);
    return TD_OK;
}

static td_status add_attack(const repair_evaluator *e, tool_table *table, size_t number,
                            const repair_figures *before, const repair_figures *after,
                            td_error *error) {
    const repair_backdoor *backdoor = &e->backdoors[number];
    const repair_attack *old = &before->attacks[number], *new = &after->attacks[number];
    tool_cell *row;
    TD_TRY(add_of_trigger(e, table, "ASR", backdoor, old->asr, new->asr, &row, error));
    tool_cell_real(&row[DER], der_of(before, after, number));
    return add_of_trigger(e, table, "robust accuracy", backdoor, old->robust_accuracy,
                          new->robust_accuracy, &row, error);
}

td_status repair_report(const repair_evaluator *e, const repair_figures *before,
                        const repair_figures *after, td_error *error) {
    tool_table *table;
    tool_cell *row;
    if (!e->test.name)
        return TD_OK;
    TD_TRY(tool_run_set(e->run, "test",
                        json_pack("{so sI so so}", "data", tool_json_text(e->test.name), "images",
                                  (json_int_t)e->test.images.count, "before",
                                  figures_json(e, NULL, before), "after",
                                  figures_json(e, before, after)),
                        error));
    TD_TRY(tool_run_table(e->run, &comparison, &table, error));
    TD_TRY(add_row(e, table, "accuracy", before->accuracy, after->accuracy, &row, error));
    for (size_t k = 0; k < e->backdoor_count; k++)
        TD_TRY(add_attack(e, table, k, before, after, error));
    for (size_t c = 0; c < before->class_count; c++)
        if (before->classes[c].trials > 0) {
            TD_TRY(
                add_row(e, table, "accuracy", before->classes[c], after->classes[c], &row, error));
            tool_cell_count(&row[CLASS], c);
        }
    return TD_OK;
}
