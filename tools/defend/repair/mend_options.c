/* The options of pruning and fine-tuning. */
#include "defend/repair/mend.h"

enum {
    KEY_VALIDATE = REPAIR_OPTION_BASE,
    KEY_HOLD_OUT,
    KEY_LAYER,
    KEY_TOLERANCE,
    KEY_SHRINK,
};

static error_t parse(int key, char *text, struct argp_state *state) {
    mend_options *o = state->input;
    switch (key) {
    case KEY_VALIDATE:
        o->validate = text;
        return 0;
    case KEY_HOLD_OUT:
        o->hold_out = tool_real_above("--hold-out", text, 0, 0.9, state);
        return 0;
    case KEY_LAYER:
        o->layer = text;
        return 0;
    case KEY_TOLERANCE:
        o->tolerance = tool_real("--tolerance", text, 0, 1, state);
        return 0;
    case KEY_SHRINK:
        o->shrink = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option validate_rows[] = {
    {"validate", KEY_VALIDATE, "DATA", 0,
     "Clean images that the accuracy is watched on (split train)", 0},
    {0},
};

static const struct argp_option prune_rows[] = {
    {"hold-out", KEY_HOLD_OUT, "SHARE", 0,
     "Without --validate, keep back this share of --clean, drawn at random, to validate (0.25)", 0},
    {"layer", KEY_LAYER, "NODE", 0,
     "Prune the channels of this node of the net, behind its batch norm and activation (the last "
     "convolution)",
     0},
    {"tolerance", KEY_TOLERANCE, "X", 0,
     "Prune until the validation accuracy would fall by more than X, in [0, 1] (0.04)", 0},
    {"shrink", KEY_SHRINK, NULL, 0,
     "Take the pruned channels out of the net instead of masking them; the logits are the same", 0},
    {0},
};

static const struct argp validate_argp = {validate_rows, parse, NULL, NULL, NULL, NULL, NULL};
static const struct argp prune_argp = {prune_rows, parse, NULL, NULL, NULL, NULL, NULL};

/* Their order is that of the children. */
static error_t hand_over(int key, char *text, struct argp_state *state) {
    mend_options *o = state->input;
    size_t next = 0;
    (void)text;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[next++] = &o->repair;
    state->child_inputs[next++] = o;
    if (o->prunes)
        state->child_inputs[next++] = o;
    if (o->tunes)
        state->child_inputs[next++] = &o->tune;
    return 0;
}

void mend_parse(mend_options *o, const char *doc, int argc, char **argv) {
    struct argp_child children[5] = {{&repair_argp, 0, NULL, 0}, {&validate_argp, 0, NULL, 0}};
    size_t next = 2;
    if (o->prunes)
        children[next++].argp = &prune_argp;
    if (o->tunes)
        children[next++].argp = &tune_argp;
    const struct argp argp = {NULL, hand_over, "--model MODEL --clean DATA -o M2", doc, children,
                              NULL, NULL};
    repair_parse(&argp, argc, argv, o, &o->repair);
    if (!o->repair.clean)
        tool_misuse(NULL, "expected --clean, found none");
    if (!o->repair.common.output)
        tool_misuse(NULL, "expected -o and a file to write to, found none");
}
