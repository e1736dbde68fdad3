/* SPDX-License-Identifier: MIT */
/* Looks up the export function of each operator; the tables are beside the functions. */
#include "model/export_put.h"

#include "nn/op.h"
#include <string.h>

td_status td_export_op(td_export_graph *g, size_t i, td_error *error) {
    static const td_put_row *const tables[] = {td_put_layers, td_put_elementwise, td_put_layouts};
    const td_node *node = &g->net->nodes[i];
    const td_put p = {g, i, node, g->net->nodes[node->inputs[0]].shape};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const td_put_row *row = tables[t]; row->op; row++)
            if (strcmp(row->op, node->op->name) == 0)
                return row->put(&p, error);
    return td_fail(error, TD_ERR_USAGE, "ONNX has nothing for this operator");
}
