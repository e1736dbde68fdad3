/* The figures of a repair, for the record and on paper. */
#include "defend/repair/repair.h"
#include <stdio.h>
#include <string.h>

double repair_der(double accuracy_before, double accuracy_after, double asr_before,
                  double asr_after) {
    const double asr = asr_before - asr_after, accuracy = accuracy_before - accuracy_after;
    return ((asr > 0 ? asr : 0) - (accuracy > 0 ? accuracy : 0) + 1) / 2;
}

static double der_of(const repair_figures *before, const repair_figures *after, size_t backdoor) {
    return repair_der(before->accuracy.value, after->accuracy.value,
                      before->attacks[backdoor].asr.value, after->attacks[backdoor].asr.value);
}

static json_t *figures_json(const repair_judge *judge, const repair_figures *figures) {
    json_t *root = json_object(), *classes = json_array(), *triggers = json_array();
    tool_json_rate(root, "accuracy", &figures->accuracy);
    for (size_t c = 0; c < figures->class_count; c++) {
        json_t *entry = json_pack("{sI}", "class", (json_int_t)c);
        if (figures->classes[c].trials > 0)
            tool_json_rate(entry, "accuracy", &figures->classes[c]);
        json_array_append_new(classes, entry);
    }
    json_object_set_new(root, "classes", classes);
    for (size_t k = 0; k < judge->backdoor_count; k++) {
        const repair_backdoor *backdoor = &judge->backdoors[k];
        json_t *entry = json_pack("{ss sI}", "trigger", td_trigger_text(backdoor->trigger),
                                  "target", (json_int_t)backdoor->target);
        tool_json_rate(entry, "asr", &figures->attacks[k].asr);
        tool_json_rate(entry, "robust_accuracy", &figures->attacks[k].robust_accuracy);
        json_array_append_new(triggers, entry);
    }
    json_object_set_new(root, "triggers", triggers);
    return root;
}

static td_status record(const repair_judge *judge, const repair_figures *before,
                        const repair_figures *after, tool_record *record, td_error *error) {
    json_t *old = figures_json(judge, before), *new = figures_json(judge, after), *entry;
    size_t k;
    json_array_foreach(json_object_get(new, "triggers"), k, entry) {
        json_object_set_new(entry, "der", json_real(der_of(before, after, k)));
    }
    json_t *test = json_pack("{so sI so so}", "data", tool_json_text(judge->test.name), "images",
                             (json_int_t)judge->test.images.count, "before", old, "after", new);
    return json_object_set_new(record->root, "test", test) == 0 ? TD_OK
                                                                : td_fail_memory(error, "a record");
}

enum { NAME_WIDTH = 18 };

static void print_rate(const td_rate *rate) {
    printf("  %6.2f %% [%6.2f, %6.2f]", 100 * rate->value, 100 * rate->interval.low,
           100 * rate->interval.high);
}

static void print_line(const char *name, const td_rate *before, const td_rate *after) {
    printf("  %-*s", NAME_WIDTH, name);
    print_rate(before);
    print_rate(after);
    putchar('\n');
}

static void print_page(const repair_judge *judge, const repair_figures *before,
                       const repair_figures *after) {
    printf("%s: %zu images\n  %-*s  %-25s  %s\n", judge->test.name, judge->test.images.count,
           NAME_WIDTH, "", "before", "after");
    print_line("accuracy", &before->accuracy, &after->accuracy);
    for (size_t c = 0; c < before->class_count; c++) {
        char name[NAME_WIDTH + 16];
        snprintf(name, sizeof name, "  class %zu", c);
        if (before->classes[c].trials > 0)
            print_line(name, &before->classes[c], &after->classes[c]);
    }
    for (size_t k = 0; k < judge->backdoor_count; k++) {
        const repair_backdoor *backdoor = &judge->backdoors[k];
        printf("  %s, target %zu\n", td_trigger_text(backdoor->trigger), backdoor->target);
        print_line("  ASR", &before->attacks[k].asr, &after->attacks[k].asr);
        print_line("  robust accuracy", &before->attacks[k].robust_accuracy,
                   &after->attacks[k].robust_accuracy);
        printf("  %-*s  %25s  %6.4f\n", NAME_WIDTH, "  DER", "", der_of(before, after, k));
    }
}

bool repair_prints(const repair_options *o) {
    return !o->common.json || strcmp(o->common.json, "-") != 0;
}

td_status repair_tell(const repair_judge *judge, const repair_figures *before,
                      const repair_figures *after, tool_record *to, td_error *error) {
    if (!judge->options->test)
        return TD_OK;
    TD_TRY(record(judge, before, after, to, error));
    if (repair_prints(judge->options))
        print_page(judge, before, after);
    return TD_OK;
}
