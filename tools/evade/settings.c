#include "evade/settings.h"

#include <math.h>

const char *const evade_norm_names[] = {"linf", "l2", NULL};

const evade_setting_row evade_setting_rows[EVADE_SETTINGS] = {
    [EVADE_NORM] = {"norm", "linf|l2", "What --epsilon bounds", false, 0, 1, false},
    [EVADE_EPSILON] = {"epsilon", "E",
                       "The largest change, in units of the pixel range (0.3 is 76 of 255)", false,
                       0, INFINITY, true},
    [EVADE_STEPS] = {"steps", "N", "Steps along the gradient", true, 1, 1e6, false},
    [EVADE_STEP_SIZE] = {"step-size", "A", "Length of a step, in units of the pixel range", false,
                         0, INFINITY, true},
    [EVADE_CONFIDENCE] = {"confidence", "K", "How far the wanted logit is to be above the others",
                          false, 0, INFINITY, false},
    [EVADE_ITERATIONS] = {"iterations", "N",
                          "Most iterations; of cw-*, for each value of the constant", true, 1, 1e6,
                          false},
    [EVADE_LEARNING_RATE] = {"learning-rate", "R", "Of Adam", false, 0, INFINITY, true},
    [EVADE_CONSTANT] = {"constant", "C", "Weight of the logits beside the distance, at first",
                        false, 0, INFINITY, true},
    [EVADE_BINARY_SEARCH] = {"binary-search", "N", "Values of the constant to try", true, 1, 100,
                             false},
    [EVADE_OVERSHOOT] = {"overshoot", "S", "Share by which to go beyond the boundary", false, 0, 1,
                         true},
    [EVADE_THETA] = {"theta", "T", "Change of a value at a time, in units of the pixel range",
                     false, 0, 1, true},
    [EVADE_GAMMA] = {"gamma", "G", "Largest share of an image's values to change", false, 0, 1,
                     true},
    [EVADE_PIXELS] = {"pixels", "N", "Pixels to change", true, 1, 64, false},
    [EVADE_POPULATION] = {"population", "N", "Candidates for each image", true, 4, 100000, false},
    [EVADE_GENERATIONS] = {"generations", "N", "Most generations", true, 0, 1e6, false},
};
