#include "defend/method.h"

const defend_method *const defend_methods[] = {&defend_strip, &defend_squeeze, NULL};
