/* SPDX-License-Identifier: MIT */
/* The reference of all operators, from their own tables. */
#include "nn/op.h"

#include <string.h>

static void print_head(FILE *out, const td_op *op) {
    fprintf(out, "\n%s(", op->name);
    for (size_t i = 0; i < op->least_inputs; i++)
        fprintf(out, "%sINPUT", i ? ", " : "");
    fprintf(out, "%s)\n", op->most_inputs > op->least_inputs ? ", ..." : "");
    fprintf(out, "  %s.\n", op->doc);
    if (op->formula)
        fprintf(out, "  %s\n", op->formula);
    fprintf(out, "  %s\n", op->shapes);
}

static void print_key(FILE *out, const td_key *key, size_t width) {
    char allowed[128];
    fprintf(out, "    %-*s  %s: %s", (int)width, key->name, key->help,
            td_key_describe(key, allowed, sizeof allowed));
    if (key->standard)
        fprintf(out, " (%s)\n", key->standard);
    else
        fprintf(out, ", must be given\n");
}

void td_ops_reference(FILE *out) {
    fputs("A net text has one line for each node:\n"
          "  NAME = OPERATOR(INPUT, ...) key=value ...\n"
          "Inputs are names of earlier lines. The first node is the image; the last gives the "
          "logits,\n"
          "1×1×classes. A value may be one of the variables height, width, channels and classes, "
          "which\n"
          "stand for the data's. # begins a comment.\n"
          "\n"
          "Shapes are height × width × channels, of one image. A default stands in parentheses.\n",
          out);
    for (const td_op *const *op = td_ops(); *op; op++) {
        size_t width = 0;
        print_head(out, *op);
        for (const td_key *key = (*op)->keys; key->name; key++)
            if (strlen(key->name) > width)
                width = strlen(key->name);
        for (const td_key *key = (*op)->keys; key->name; key++)
            print_key(out, key, width);
    }
}
