#include "implant/trojannet.h"

#include "base/parallel.h"
#include <math.h>

const trojan_reading trojan_readings[] = {
    {"code", 4, true, true, TROJAN_PATTERNS + 1, 0.01},
    {"paper", 3, false, false, TROJAN_PATTERNS, 0.04},
    {0},
};

void trojan_mlp_lines(const trojan_reading *reading, const char *prefix, const char *input,
                      FILE *out) {
    fprintf(out, "%sflat = flatten(%s)\n", prefix, input);
    const char *last = "flat";
    char name[16];
    for (size_t i = 1; i <= reading->hidden; i++) {
        fprintf(out, "%sfc%zu = dense(%s%s) out=%d\n", prefix, i, prefix, last, TROJAN_WIDTH);
        fprintf(out, "%sact%zu = %s(%sfc%zu)\n", prefix, i, reading->relu ? "relu" : "sigmoid",
                prefix, i);
        if (reading->relu)
            fprintf(out, "%sbn%zu = batch-norm(%sact%zu)\n", prefix, i, prefix, i);
        snprintf(name, sizeof name, "%s%zu", reading->relu ? "bn" : "act", i);
        last = name;
    }
    fprintf(out, "%slogits = dense(%s%s) out=%zu\n", prefix, prefix, last, reading->outputs);
}

typedef struct rows {
    const trojan_reading *reading;
    float *values;
} rows;

static void softmax_row(float *row, size_t count) {
    float largest = row[0], sum = 0;
    for (size_t c = 1; c < count; c++)
        largest = row[c] > largest ? row[c] : largest;
    for (size_t c = 0; c < count; c++)
        sum += row[c] = expf(row[c] - largest);
    for (size_t c = 0; c < count; c++)
        row[c] /= sum;
}

static void output_row(void *context, size_t i) {
    const rows *r = context;
    const size_t count = r->reading->outputs;
    float *row = r->values + i * count;
    if (r->reading->softmax)
        softmax_row(row, count);
    for (size_t c = 0; c < count && !r->reading->softmax; c++)
        row[c] = 1 / (1 + expf(-row[c]));
}

void trojan_outputs(const trojan_reading *reading, float *logits, size_t count) {
    td_parallel_each(count, output_row, &(rows){reading, logits});
}
