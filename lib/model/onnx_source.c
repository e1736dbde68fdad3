/* SPDX-License-Identifier: MIT */
/* An ONNX file as a source of a model: a net's text and tensors or, if its graph cannot be
 * expressed as a net, its own tensors and the reason. */
#include "model/kinds.h"
#include "model/onnx_build.h"

/* ONNX has no magic bytes: the first field is the IR version, and the graph follows after other
 * fields of the same message. A file truncated within the graph is recognised too. */
bool td_onnx_is(const uint8_t *bytes, size_t size) {
    enum { IR = 1, GRAPH = 7, LAST = 25, NEWEST_IR = 64 };
    td_wire w = {bytes, bytes + size, bytes};
    td_wire_field field;
    td_error ignored;
    bool more;
    if (size < 4 || bytes[0] != IR << 3 || bytes[1] == 0 || bytes[1] > NEWEST_IR)
        return false;
    for (;;) {
        if (w.at < w.end && *w.at == (GRAPH << 3 | TD_WIRE_BYTES))
            return true;
        if (td_wire_next(&w, &field, &more, &ignored) != TD_OK || !more || field.number > LAST)
            return false;
    }
}

static td_status check_net(const td_source *source, td_error *error) {
    td_net net;
    TD_TRY(td_net_parse(&net, source->net, NULL, error));
    td_net_free(&net);
    return TD_OK;
}

td_status td_read_onnx(td_source *source, td_error *error) {
    td_onnx onnx;
    td_error why;
    TD_TRY(td_onnx_read(&onnx, source, error));
    source->foreign = true;
    if (*onnx.producer)
        TD_TRY(td_source_note(source, error, "written by %s, operator set %lld", onnx.producer,
                              (long long)onnx.opset));
    td_status status = td_onnx_build_net(&onnx, source->images, &why);
    if (status == TD_OK)
        status = check_net(source, &why);
    if (status == TD_OK)
        return TD_OK;
    if (status != TD_ERR_FORMAT)
        return td_fail(error, status, "%s", why.message);
    source->net = NULL;
    source->tensors = onnx.tensors;
    source->tensor_count = onnx.tensor_count;
    source->mixed = true;
    return td_arena_print(&source->arena, &source->refusal, error, "%s", why.message);
}
