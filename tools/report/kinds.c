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

/* A verdict on a model, from several records. */
static bool is_audit(const json_t *root) {
    return json_is_string(json_object_get(root, "verdict")) &&
           json_is_array(json_object_get(root, "evidence"));
}

static const report_kind kinds[] = {
    {"Verdict", "trapdoor-defend", is_audit, true},
    {"Data", "trapdoor-data", NULL, false},
    {"Poisoned data", "trapdoor-poison", NULL, false},
    {"Manifest", NULL, is_manifest, false},
    {"Training", "trapdoor-train", NULL, false},
    {"Training log", NULL, is_log, false},
    {"Implanted backdoor", "trapdoor-implant", NULL, false},
    {"Adversarial examples", "trapdoor-evade", NULL, false},
    {"Evaluation", "trapdoor-eval", NULL, false},
    {"Defence", "trapdoor-defend", NULL, false},
    {"Other record", NULL, is_run, false},
};

const report_kind *report_kind_of(const json_t *root) {
    const json_t *tool = json_object_get(root, "tool");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const report_kind *kind = &kinds[i];
        bool is = kind->tool ? tool && strcmp(html_get_text(root, "tool"), kind->tool) == 0 &&
                                   (!kind->is || kind->is(root))
                             : (!tool || kind->is == is_run) && kind->is(root);
        if (is && strcmp(html_get_text(root, "tool"), "trapdoor-report") != 0)
            return kind;
    }
    return NULL;
}
