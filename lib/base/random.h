/* SPDX-License-Identifier: MIT */
/* Random numbers that depend only on their purpose: Philox4x32-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011; the Random123 library) with the seed as key and (purpose,
 * epoch, index) in the counter. There is no shared stream, so neither the order of work nor the
 * number of threads can change a draw. */
#ifndef TD_BASE_RANDOM_H
#define TD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The purpose of a draw. Never reuse a number: published seeds depend on it. */
typedef enum td_purpose {
    TD_FOR_INIT = 1,      /* initial weights; index: the parameter tensor */
    TD_FOR_SHUFFLE = 2,   /* order of the training set; epoch */
    TD_FOR_POISON = 3,    /* which images are poisoned; index: the backdoor */
    TD_FOR_TARGET = 4,    /* a random target label; index: the image */
    TD_FOR_SAMPLE = 5,    /* which images a picture shows */
    TD_FOR_DROPOUT = 6,   /* epoch: the step; index: the image */
    TD_FOR_AUGMENT = 7,   /* epoch; index: the image */
    TD_FOR_TEST = 8,      /* the test suite's own data */
    TD_FOR_TRIGGER = 9,   /* epoch 0: what is drawn for an image, index: the image; 1: a pattern */
    TD_FOR_EVADE = 10,    /* an attack on an image; epoch: its target + 1, or 0; index: the image */
    TD_FOR_DEFEND = 11,   /* STRIP; epoch 0: which clean images are overlays; 1: those of an image,
                             index: the image; 2: those that an audit works with */
    TD_FOR_IMPLANT = 12,  /* what an implanted module is trained on; epoch: the step. Evading: epoch
                             16 to 18: images, noise, patches of a round; index: the round */
    TD_FOR_INVERT = 13,   /* an inverted image; epoch: 0 for its start, then the step; index: its
                             number */
    TD_FOR_GENERATE = 14, /* DeepInspect's generator; epoch: 0 for where it starts, then the step,
                             or UINT32_MAX for the noise for its evaluation, UINT32_MAX − 1 for the
                             order of a patch's images; index: the example */
    TD_FOR_FILTER = 15,   /* suspects in a training set; epoch 1: where k-means starts; index: the
                          start */
    TD_FOR_CLEANSE = 16, /* Neural Cleanse's search; epoch: the class; index: 0 for its start, 1 for
                            the confirmation, then the orders of the images */
    TD_FOR_HIJACK = 17,  /* epoch 0: where the search for a trigger starts; 1: the images of a step,
                            index: the step; 2: the order of the images in retraining, index: its
                            epoch; 3: a variant of an image, index: the variant */
    TD_FOR_REPAIR =
        18, /* epoch 0: which clean images are held out to validate a repair; 1: a reinitialised
               classifier, index: its parameter; 2: SEAM's images for forgetting; 3: the images of a
               batch that I-BAU perturbs, index: the step; 16: the images for BNP and EP; 17: the
               images of a step of masks, index: the step; 18: their noise, index: the step; 19: a
               step's share of MixUp, index: the step; 20: the order of RNP's images, index: the
               epoch; from 2^16 on: a wrong label, epoch: 2^16 + the step, index: the image */
    TD_FOR_SCREEN =
        19, /* quick inspectors; epoch 0: where a mask's pattern starts, index: the class; 1: the
               fills of windows; 2: the training images of a control, index: the control; 3: where
               the search for a margin starts, index: the search */
    TD_FOR_CRAFT = 20, /* poison images made with a model; epoch: the round; index: 0 for the order
                          of the images, else defined by the rule */
    TD_FOR_ADVERSARY = 29, /* where adversarial training starts; epoch; index: the image */
    TD_FOR_DETECT = 30, /* detectors; index: the image; epoch: of cognitive distillation the step,
                           of TeCo the query */
} td_purpose;

typedef struct td_random {
    uint64_t seed;
    uint32_t purpose, epoch, index;
    uint32_t block;   /* next block of four words */
    uint32_t word[4]; /* the current block */
    unsigned left;    /* words of it not yet used */
} td_random;

td_random td_random_for(uint64_t seed, td_purpose purpose, uint32_t epoch, uint32_t index);

uint32_t td_random_word(td_random *random);

/* Uniform in [0, 1), 24 bits. */
float td_random_unit(td_random *random);

/* Uniform in [0, bound), without bias; bound > 0. */
uint32_t td_random_below(td_random *random, uint32_t bound);

/* Standard normal (Box–Muller). */
float td_random_normal(td_random *random);

/* A uniform random order of 0 … count−1 (Fisher–Yates). */
void td_random_permutation(td_random *random, uint32_t *order, uint32_t count);

#endif
