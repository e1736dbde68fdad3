/* How a verdict is told: in the record, and on stdout. */
#include "defend/detect/detect.h"
#include <stdio.h>

/* The mean of what is told of a set. */
static double mean_score(const detect_job *job, const detect_verdict *v, size_t number) {
    const detect_set *set = &job->sets[number];
    const size_t count = set->data->images.count;
    const double *scores = set->scores + (size_t)(v->column - job->columns) * count;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += scores[i];
    return job->detector->sign * sum / (double)count;
}

static json_t *file_json(const detect_job *job, const detect_verdict *v, size_t number) {
    const detect_set *set = &job->sets[number];
    json_t *file = json_pack("{so ss}", "data", tool_json_text(set->data->name), "kind",
                             set->suspect ? "suspect" : "benign");
    if (set->trigger)
        json_object_set_new(file, "trigger", tool_json_text(td_trigger_text(set->trigger)));
    json_object_set_new(file, "count", json_integer((json_int_t)set->data->images.count));
    tool_json_rate(file, "flagged", &v->flagged[number]);
    if (set->suspect)
        json_object_set_new(file, "above_expected", json_boolean(v->above[number]));
    json_object_set_new(file, "mean_score", json_real(mean_score(job, v, number)));
    return file;
}

static json_t *rates_json(const detect_job *job, const detect_verdict *v) {
    json_t *rates = json_array();
    for (size_t i = 0; i < DETECT_RATES; i++) {
        json_t *row = json_pack("{sf sf}", "expected", job->detector->rates[i], "threshold",
                                v->at[i].threshold);
        if (v->benign.count > 0)
            tool_json_rate(row, "frr", &v->errors[i].frr);
        if (v->suspects.count > 0)
            tool_json_rate(row, "far", &v->errors[i].far);
        json_array_append_new(rates, row);
    }
    return rates;
}

static json_t *histogram_json(const detect_verdict *v) {
    static const char *const names[] = {"calibration", "benign", "suspect"};
    json_t *histogram =
        json_pack("{sf sf si}", "low", v->low, "high", v->high, "bars", (int)DETECT_BARS);
    for (size_t kind = 0; kind < sizeof names / sizeof *names; kind++) {
        json_t *counts = json_array();
        for (size_t i = 0; i < DETECT_BARS; i++)
            json_array_append_new(counts, json_integer((json_int_t)v->bars[kind][i]));
        json_object_set_new(histogram, names[kind], counts);
    }
    return histogram;
}

td_status detect_verdict_json(const detect_job *job, const detect_verdict *v, json_t *object,
                              td_error *error) {
    json_t *files = json_array();
    for (size_t i = 0; i < job->set_count; i++)
        json_array_append_new(files, file_json(job, v, i));
    json_object_set_new(object, "threshold", json_real(v->column->threshold));
    json_object_set_new(object, "files", files);
    if (v->has_auroc) {
        json_object_set_new(object, "auroc", json_real(v->auroc.value));
        json_object_set_new(object, "auroc_interval",
                            json_pack("[ff]", v->auroc.interval.low, v->auroc.interval.high));
    }
    json_object_set_new(object, "rates", rates_json(job, v));
    return json_object_set_new(object, "histogram", histogram_json(v)) == 0
               ? TD_OK
               : td_fail_memory(error, "the record");
}

static void print_errors(const detect_job *job, const detect_verdict *v) {
    printf("  %-10s %10s %10s %10s\n", "expected", "threshold", "FRR", "FAR");
    for (size_t i = 0; i < DETECT_RATES; i++)
        printf("  %8.2f %% %10.5g %8.2f %% %8.2f %%\n", 100 * job->detector->rates[i],
               v->at[i].threshold, 100 * v->errors[i].frr.value, 100 * v->errors[i].far.value);
}

static void print_auroc(const detect_verdict *v) {
    if (v->has_auroc)
        printf("  AUROC %.4f  [%.4f, %.4f]\n", v->auroc.value, v->auroc.interval.low,
               v->auroc.interval.high);
}

void detect_print(const detect_job *job, const detect_verdict *v) {
    printf("%s: %s: threshold %.5g, %s, from %zu clean images, of which %g %% are expected to be "
           "flagged\n",
           job->options->model, v->column->name, v->column->threshold, job->detector->score_name,
           job->calibration_count, 100 * job->options->rate);
    for (size_t i = 0; i < job->set_count; i++) {
        const detect_set *set = &job->sets[i];
        const td_rate *rate = &v->flagged[i];
        printf("  %-7s  %6.2f %% flagged  [%.2f, %.2f]  %zu of %zu  %s%s%s%s\n",
               set->suspect ? "suspect" : "benign", 100 * rate->value, 100 * rate->interval.low,
               100 * rate->interval.high, rate->hits, rate->trials, set->data->name,
               set->trigger ? " with " : "", set->trigger ? td_trigger_text(set->trigger) : "",
               v->above[i] ? "  ABOVE EXPECTED" : "");
    }
    print_auroc(v);
    if (v->has_auroc)
        print_errors(job, v);
}

void detect_print_line(const detect_job *job, const detect_verdict *v) {
    const double boundary = v->column->boundary;
    td_rate benign =
        td_rate_of(td_count_flagged(v->benign.values, v->benign.count, boundary), v->benign.count);
    td_rate suspects = td_rate_of(td_count_flagged(v->suspects.values, v->suspects.count, boundary),
                                  v->suspects.count);
    printf("%s: %s: threshold %.5g", job->options->model, v->column->name, v->column->threshold);
    if (benign.trials > 0)
        printf(", benign %.2f %% flagged", 100 * benign.value);
    if (suspects.trials > 0)
        printf(", suspect %.2f %% flagged", 100 * suspects.value);
    if (v->has_auroc)
        printf(", AUROC %.4f", v->auroc.value);
    putchar('\n');
}
