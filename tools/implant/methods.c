#include "implant/method.h"

#include <stddef.h>

const tool_method *const implant_methods[] = {&implant_hijack, &implant_pruning_aware,
                                              &implant_trojannet, NULL};
