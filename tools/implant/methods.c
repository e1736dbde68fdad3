#include "implant/method.h"

const implant_method *const implant_methods[] = {&implant_trojannet, NULL};
