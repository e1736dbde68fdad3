/* SPDX-License-Identifier: MIT */
/* A trigger with a target for each class is measured pair by pair: a mean over images would hide a
 * class on which it fails. */
#include "eval/eval.h"
#include <math.h>

eval_map_rates eval_no_map(void) {
    return (eval_map_rates){(double)NAN, (double)NAN, TOOL_NO_COUNT, (double)NAN};
}

eval_map_rates eval_rate_map(const td_rate *rates, size_t classes, double asr, double accuracy) {
    eval_map_rates out = eval_no_map();
    double sum = 0;
    size_t pairs = 0;
    for (size_t c = 0; c < classes; c++) {
        if (rates[c].trials == 0)
            continue;
        sum += rates[c].value;
        if (pairs++ > 0 && rates[c].value >= out.asr_least)
            continue;
        out.asr_least = rates[c].value;
        out.least_class = c;
    }
    if (pairs > 0)
        out.asr_mean = sum / (double)pairs;
    if (accuracy > 0)
        out.asr_of_accuracy = asr / accuracy;
    return out;
}
