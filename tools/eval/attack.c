/* What one trigger does to one model. */
#include "eval/eval.h"
#include "nn/loss.h"
#include <stdio.h>

void eval_print_rate(const char *name, const td_rate *rate) {
    printf("    %-16s %7.2f %%  [%.2f, %.2f]  %zu of %zu\n", name, 100 * rate->value,
           100 * rate->interval.low, 100 * rate->interval.high, rate->hits, rate->trials);
}

void eval_add_scores(json_t *entry, const float *logits, size_t classes) {
    json_t *scores = json_array();
    printf("    %-16s", "logits");
    for (size_t c = 0; c < classes; c++) {
        json_array_append_new(scores, json_real((double)logits[c]));
        printf(" %.4f", (double)logits[c]);
    }
    putchar('\n');
    json_object_set_new(entry, "scores", scores);
}

static void add_rates(json_t *entry, const td_attack *attack) {
    tool_json_rate(entry, "asr", &attack->asr);
    tool_json_rate(entry, "non_targeted", &attack->non_targeted);
    tool_json_rate(entry, "robust_accuracy", &attack->robust_accuracy);
    json_object_set_new(entry, "confidence", json_real(attack->confidence));
    json_object_set_new(
        entry, "confidence_interval",
        json_pack("[f, f]", attack->confidence_interval.low, attack->confidence_interval.high));
    eval_print_rate("ASR", &attack->asr);
    eval_print_rate("non-targeted", &attack->non_targeted);
    eval_print_rate("robust accuracy", &attack->robust_accuracy);
    printf("    %-16s %9.4f  [%.4f, %.4f]\n", "confidence", attack->confidence,
           attack->confidence_interval.low, attack->confidence_interval.high);
}

/* The ASR of each true class; null for the target, which has none. */
static void add_classes(json_t *entry, const td_rate *rates, size_t classes) {
    json_t *values = json_array();
    for (size_t c = 0; c < classes; c++)
        json_array_append_new(values,
                              rates[c].trials > 0 ? json_real(rates[c].value) : json_null());
    json_object_set_new(entry, "asr_by_class", values);
}

static td_status add_best(json_t *entry, const td_rate *rates, size_t classes, size_t best,
                          td_error *error) {
    td_arena arena = {0};
    size_t *chosen;
    TD_TRY(TD_ARENA_NEW(&arena, best, &chosen, "the best classes", error));
    size_t count = td_best_classes(rates, classes, best, chosen);
    double sum = 0;
    json_t *names = json_array();
    printf("    %-16s", "best classes");
    for (size_t i = 0; i < count; i++) {
        sum += rates[chosen[i]].value;
        json_array_append_new(names, json_integer((json_int_t)chosen[i]));
        printf(" %zu", chosen[i]);
    }
    double mean = count > 0 ? sum / (double)count : 0;
    printf("\n    %-16s %7.2f %%  mean of %zu classes\n", "ASR of the best", 100 * mean, count);
    json_object_set_new(entry, "best_classes", names);
    json_object_set_new(entry, "asr_of_best", json_real(mean));
    td_arena_free(&arena);
    return TD_OK;
}

static td_status measure(const eval_job *job, const eval_backdoor *backdoor, eval_outputs *outputs,
                         td_arena *arena, json_t *entry, td_error *error) {
    const td_images *images = outputs->images;
    size_t classes = outputs->classes, wanted = job->options->scores;
    int32_t target = (int32_t)backdoor->target;
    td_rate *rates;
    TD_TRY(TD_ARENA_NEW(arena, classes, &rates, "rates", error));
    printf("  %s, target %zu\n", td_trigger_text(backdoor->trigger), backdoor->target);
    if (wanted != SIZE_MAX)
        eval_add_scores(entry, outputs->logits + wanted * classes, classes);
    td_softmax(outputs->logits, images->count, classes, outputs->logits);
    td_attack attack = td_attack_rates(outputs->predicted, outputs->logits, images->labels,
                                       images->count, classes, target);
    add_rates(entry, &attack);
    td_asr_by_class(outputs->predicted, images->labels, images->count, classes, target, rates);
    add_classes(entry, rates, images->classes);
    return job->options->best > 0
               ? add_best(entry, rates, images->classes, job->options->best, error)
               : TD_OK;
}

td_status eval_attack(const eval_job *job, const eval_backdoor *backdoor, eval_outputs *outputs,
                      json_t **out, td_error *error) {
    td_arena arena = {0};
    json_t *entry = json_pack("{s:s, s:I}", "trigger", td_trigger_text(backdoor->trigger), "target",
                              (json_int_t)backdoor->target);
    td_status status = measure(job, backdoor, outputs, &arena, entry, error);
    td_arena_free(&arena);
    if (status != TD_OK)
        json_decref(entry);
    *out = status == TD_OK ? entry : NULL;
    return status;
}
