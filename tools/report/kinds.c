/* What kinds of records there are, in the order of the page: that of the work. */
#include "report/report.h"

#include "report/html.h"
#include <string.h>

/* The ground truth of trapdoor-poison and of trapdoor-implant. */
static bool is_manifest(const json_t *root) {
    return (json_object_get(root, "rule") || json_object_get(root, "method")) &&
           json_is_array(json_object_get(root, "triggers")) &&
           json_is_array(json_object_get(root, "outputs"));
}

static bool is_log(const json_t *root) {
    return json_object_size(root) == 1 && json_is_array(json_object_get(root, "epochs"));
}

static bool is_run(const json_t *root) {
    return strncmp(html_get_text(root, "tool"), "trapdoor-", 9) == 0;
}

static const report_kind kinds[] = {
    {"Data", "trapdoor-data", NULL},
    {"Poisoned data", "trapdoor-poison", NULL},
    {"Manifest", NULL, is_manifest},
    {"Training", "trapdoor-train", NULL},
    {"Training log", NULL, is_log},
    {"Implanted backdoor", "trapdoor-implant", NULL},
    {"Adversarial examples", "trapdoor-evade", NULL},
    {"Evaluation", "trapdoor-eval", NULL},
    {"Defence", "trapdoor-defend", NULL},
    {"Other record", NULL, is_run},
};

const report_kind *report_kind_of(const json_t *root) {
    const json_t *tool = json_object_get(root, "tool");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const report_kind *kind = &kinds[i];
        bool is = kind->tool ? tool && strcmp(html_get_text(root, "tool"), kind->tool) == 0
                             : (!tool || kind->is == is_run) && kind->is(root);
        if (is && strcmp(html_get_text(root, "tool"), "trapdoor-report") != 0)
            return kind;
    }
    return NULL;
}
