/* SPDX-License-Identifier: MIT */
#include "measure/ratings.h"

#include <math.h>

static double rating(double gain, double accuracy_loss) {
    return (fmax(0, gain) - fmax(0, accuracy_loss) + 1) / 2;
}

double td_der(double accuracy_before, double accuracy_after, double asr_before, double asr_after) {
    return rating(asr_before - asr_after, accuracy_before - accuracy_after);
}

double td_rir(double accuracy_before, double accuracy_after, double ra_before, double ra_after) {
    return rating(ra_after - ra_before, accuracy_before - accuracy_after);
}
