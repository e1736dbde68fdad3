#include "evade/method.h"

const evade_method *const evade_methods[] = {
    &evade_fgsm,  &evade_bim,     &evade_pgd,  &evade_deepfool,  &evade_cw_l2,
    &evade_cw_l0, &evade_cw_linf, &evade_jsma, &evade_one_pixel, NULL,
};
