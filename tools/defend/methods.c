#include "defend/method.h"

#include <stddef.h>

const tool_method *const defend_methods[] = {&defend_strip, &defend_squeeze, NULL};
