#include "evade/net.h"

td_status evade_net_open(evade_net *net, const td_net *shape, const float *weights, bool gradients,
                         td_error *error) {
    *net = (evade_net){
        .net = shape, .size = td_shape_size(td_net_input(shape)), .classes = td_net_classes(shape)};
    td_status status = td_exec_new(&net->forward, shape, EVADE_BATCH, TD_FORWARD, error);
    if (status == TD_OK && gradients)
        status = td_exec_new(&net->gradient, shape, EVADE_BATCH, TD_BACKWARD_INPUT, error);
    if (status != TD_OK) {
        evade_net_close(net);
        return status;
    }
    td_exec_weights(net->forward, weights);
    if (gradients)
        td_exec_weights(net->gradient, weights);
    return TD_OK;
}

void evade_net_close(evade_net *net) {
    td_exec_free(net->forward);
    td_exec_free(net->gradient);
    *net = (evade_net){0};
}

float *evade_net_input(evade_net *net) {
    return td_exec_input(net->forward);
}

const float *evade_net_ask(evade_net *net, size_t count) {
    net->queries += count;
    return td_exec_forward(net->forward, count);
}

float *evade_net_gradient_input(evade_net *net) {
    return td_exec_input(net->gradient);
}

const float *evade_net_forward(evade_net *net, size_t count) {
    net->gradients += count;
    return td_exec_forward(net->gradient, count);
}

float *evade_net_logits_gradient(evade_net *net) {
    return td_exec_logits_gradient(net->gradient);
}

const float *evade_net_backward(evade_net *net) {
    return td_exec_backward(net->gradient, NULL);
}
