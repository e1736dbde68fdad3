/* The sections, in the order in which a record shows them. */
#include "report/section.h"

const report_section *const report_sections[] = {
    &section_audit,
    &section_controls,
    &section_set,
    &section_poison,
    &section_training,
    &section_attacks,
    &section_repair,
    &section_detector,
    &section_rates,
    &section_strength,
    &section_curve,
    &section_classes,
    &section_confusion,
    &section_numbers,
    &section_pictures,
    &section_settings,
    NULL,
};
