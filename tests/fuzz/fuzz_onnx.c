/* SPDX-License-Identifier: MIT */
/* ONNX: a net built from a graph is valid, with all its parameters; a refused graph has a message.
 */
#include "fuzz.h"
#include "model/floats.h"
#include "model/model.h"
#include <string.h>

enum { MOST_WEIGHTS = 1 << 16 };

/* Reads every number of the tensors. */
static void read_weights(const td_source *source, const td_net *net) {
    td_error error = {""};
    fuzz_expect(td_model_check(source, net, &error), &error);
    for (size_t i = 0; i < source->tensor_count; i++) {
        const td_tensor *tensor = &source->tensors[i];
        float numbers[MOST_WEIGHTS];
        if (tensor->count > MOST_WEIGHTS)
            continue;
        const td_status status = td_tensor_floats(tensor, numbers, &error);
        if (fuzz_succeeded(status, &error) && tensor->count > 0)
            FUZZ_ASSERT(numbers[tensor->count - 1] == numbers[tensor->count - 1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_source source;
    td_net net;
    if (!td_onnx_is(data, size))
        return 0;
    const td_net_variables images = {6, 6, 3, 0};
    const td_status status = td_source_open_for(&source, fuzz_file(data, size), &images, &error);
    if (!fuzz_succeeded(status, &error))
        return 0;
    FUZZ_ASSERT(!source.net != !source.refusal);
    if (source.refusal)
        FUZZ_ASSERT(*source.refusal && !strchr(source.refusal, '\n'));
    if (source.net) {
        fuzz_expect(td_net_parse(&net, source.net, NULL, &error), &error);
        read_weights(&source, &net);
        td_net_free(&net);
    }
    td_source_close(&source);
    return 0;
}
