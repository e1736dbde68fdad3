/* Pruning, fine-tuning, and fine-pruning, which is the one and then the other: one run, with the
 * parts that were asked for. Liu, Dolan-Gavitt and Garg, "Fine-pruning: defending against
 * backdooring attacks on deep neural networks", RAID 2018. */
#ifndef TOOLS_DEFEND_REPAIR_MEND_H
#define TOOLS_DEFEND_REPAIR_MEND_H

#include "defend/repair/repair.h"
#include "defend/repair/tune.h"

typedef struct mend_options {
    repair_options repair;
    tune_options tune;
    const char *method; /* "fineprune" */
    bool prunes, tunes;
    const char *validate; /* DATA, or NULL: a share of --clean is held out */
    double hold_out;      /* that share, in [0, 1) */
    const char *layer;    /* the node to prune, or NULL: the last convolution */
    double tolerance;     /* in [0, 1]: by how much the validation accuracy may fall */
    bool shrink;
} mend_options;

/* The main of a method that has these parts; `doc` is for --help. */
int mend_main(const char *method, bool prunes, bool tunes, const char *doc, int argc, char **argv);

/* Parses the command line, which has the options of the parts that *options says; exits with 2 on a
 * wrong one. */
void mend_parse(mend_options *options, const char *doc, int argc, char **argv);

#endif
