/* The table of several models, for people who compare them. */
#include "eval/eval.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static double percent(const json_t *entry, const char *key) {
    return 100 * json_real_value(json_object_get(entry, key));
}

static void print_logits(const json_t *entry) {
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(entry, "scores"), i, value)
        printf(" %8.2f", json_real_value(value));
}

static void print_row(int width, const json_t *model, const json_t *trigger) {
    printf("%-*s %8.2f", width, json_string_value(json_object_get(model, "file")),
           percent(model, "accuracy"));
    if (trigger)
        printf(" %6lld %8.2f", (long long)json_integer_value(json_object_get(trigger, "target")),
               percent(trigger, "asr"));
    print_logits(trigger ? trigger : model);
    if (trigger)
        printf("  %s", json_string_value(json_object_get(trigger, "trigger")));
    putchar('\n');
}

void eval_table(const json_t *models) {
    size_t i, k;
    const json_t *model, *trigger;
    int width = 5;
    bool triggers = false, scores = false;
    json_array_foreach(models, i, model) {
        int length = (int)strlen(json_string_value(json_object_get(model, "file")));
        width = length > width ? length : width;
        triggers |= json_array_size(json_object_get(model, "triggers")) > 0;
        scores |= json_object_get(model, "scores") != NULL;
    }
    printf("\n%-*s %8s", width, "model", "accuracy");
    if (triggers)
        printf(" %6s %8s", "target", "ASR");
    if (scores)
        printf("  logits of the %simage", triggers ? "triggered " : "");
    if (triggers)
        printf("  %strigger", scores ? "and the " : "");
    putchar('\n');
    json_array_foreach(models, i, model) {
        json_array_foreach(json_object_get(model, "triggers"), k, trigger)
            print_row(width, model, trigger);
        if (json_array_size(json_object_get(model, "triggers")) == 0)
            print_row(width, model, NULL);
    }
}
