#include "poison.h"

const poison_rule *const poison_rules[] = {
    &poison_dirty_label,
    &poison_clean_label,
    &poison_friendnet,
    &poison_multi_target,
    &poison_label_flip,
    &poison_stamp,
    NULL,
};
