#include "defend/method.h"

#include <stddef.h>

const tool_method *const defend_methods[] = {&defend_strip,
                                             &defend_squeeze,
                                             &defend_prune,
                                             &defend_finetune,
                                             &defend_fineprune,
                                             &defend_clp,
                                             &defend_bnp,
                                             &defend_ep,
                                             &defend_cleanse,
                                             &defend_deepinspect,
                                             &defend_universal,
                                             &defend_mask,
                                             &defend_windows,
                                             &defend_maps,
                                             &defend_waves,
                                             &defend_margin,
                                             &defend_spectral,
                                             &defend_activation_clustering,
                                             &defend_audit,
                                             &defend_controls,
                                             &defend_rates,
                                             &defend_screen,
                                             &defend_scan,
                                             &defend_configure,
                                             NULL};
