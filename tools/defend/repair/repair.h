/* What repairs of models share: their options, the images that they may learn from, and one page of
 * numbers that judges any repair: the model before and after, on --test DATA.
 *
 * A method's options struct has a repair_options; its argp has repair_children, and hands
 * &mine.repair over at ARGP_KEY_INIT. In the method, in this order:
 *     repair_open        --test and the triggers, noted in the record
 *     repair_clean       the clean images that the repair may use
 *     repair_measure     the model as it is
 *     ...                the repair
 *     repair_measure     what came of it
 *     repair_tell        both, to the record and to stdout
 *     repair_close */
#ifndef TOOLS_DEFEND_REPAIR_REPAIR_H
#define TOOLS_DEFEND_REPAIR_REPAIR_H

#include "frame/options.h"
#include "frame/record.h"
#include "measure/rates.h"
#include "nn/net.h"
#include "trigger/trigger.h"

enum { REPAIR_MOST_TRIGGERS = 16 };

typedef struct repair_options {
    tool_common common;
    const char *model, *net;  /* net: the model is a state_dict of it; NULL: it has its own */
    const char *clean, *test; /* DATA, or NULL */
    const char *triggers[REPAIR_MOST_TRIGGERS]; /* for measurement only, with targets[], in pairs */
    size_t trigger_count;
    size_t targets[REPAIR_MOST_TRIGGERS];
    size_t target_count;
} repair_options;

/* Child parser of a repair_options *: --model, --net, --clean, --test, --trigger, --target and the
 * options of all tools. A method's own options begin at REPAIR_OPTION_BASE. */
enum { REPAIR_OPTION_BASE = TOOL_OPTION_BASE + 0x80 };
extern const struct argp repair_argp;
extern const struct argp_child repair_children[]; /* it alone */

/* Parses the command line of a repair into `input`; exits with 2 on a wrong one, without --model,
 * and where triggers and targets are not pairs. What else must be given the method checks. */
void repair_parse(const struct argp *argp, int argc, char **argv, void *input,
                  const repair_options *options);

/* Adds to the record's options what a repair_options holds: "model", "net", "clean", "test",
 * "triggers" [{"trigger", "target"}]; takes NULL. Returns `options`. */
json_t *repair_options_json(const repair_options *o, json_t *options);

/* Whether results go to stdout: not where the record does. */
bool repair_prints(const repair_options *o);

/* Opens a set of images, notes it in the record, and checks that there are any and, unless `net` is
 * NULL, that they and their labels are such as the net takes. On failure, too, the caller closes
 * *data. */
td_status repair_open_data(td_dataset *data, const repair_options *o, const char *text,
                           const char *split, const td_net *net, tool_record *record,
                           td_error *error) TD_MUST_USE;

td_status repair_check_data(const td_dataset *data, const td_net *net, td_error *error) TD_MUST_USE;

/* Copies of the images of these numbers, in `arena`. */
td_status repair_gather(const td_images *images, const uint32_t *numbers, size_t count,
                        td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

typedef struct repair_backdoor {
    td_trigger *trigger; /* bound to images of the model's shape */
    size_t target;
} repair_backdoor;

/* What judges. */
typedef struct repair_judge {
    const repair_options *options;
    td_dataset test; /* zeroed without --test */
    repair_backdoor backdoors[REPAIR_MOST_TRIGGERS];
    size_t backdoor_count;
    td_arena arena;
} repair_judge;

/* Opens --test (split test) and the triggers for a net, and notes them in the record. TD_ERR_USAGE
 * for images of another shape, and for a target or labels that the net does not have. On failure,
 * too, the caller closes *judge. */
td_status repair_open(repair_judge *judge, const repair_options *options, const td_net *net,
                      tool_record *record, td_error *error) TD_MUST_USE;
void repair_close(repair_judge *judge); /* takes a zeroed judge as well */

/* The images of `clean` that a repair may use: not those of --test. A set that overlaps is
 * TD_ERR_USAGE, which says where; a stray equal image (at most 1 in 100) is left out. `option` is
 * what the user calls the set: "--clean". *out is a view of `clean`, or a copy in `arena`. */
td_status repair_clean(const repair_judge *judge, const td_dataset *clean, const char *option,
                       td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

typedef struct repair_attack {
    td_rate asr, robust_accuracy;
} repair_attack;

/* One model on --test. */
typedef struct repair_figures {
    td_rate accuracy;
    td_rate
        *classes; /* [class_count], in the judge's arena: accuracy on the images of each class */
    size_t class_count;
    repair_attack attacks[REPAIR_MOST_TRIGGERS]; /* of each backdoor */
} repair_figures;

/* Measures a model; `what` ("before", "after") is for the progress line. Nothing without --test. */
td_status repair_measure(repair_judge *judge, const char *what, const td_net *net,
                         const float *weights, repair_figures *figures,
                         td_error *error) TD_MUST_USE;

/* Defence effectiveness rating (Zhu et al. 2023; BackdoorBench):
 * (max(0, fall of the ASR) − max(0, fall of the accuracy) + 1) / 2, in [0, 1]; 0.5: nothing done.
 */
double repair_der(double accuracy_before, double accuracy_after, double asr_before,
                  double asr_after);

/* Adds `test` {"data", "images", "before", "after"} to the record, each of these two with
 * "accuracy", "classes" [{"class", "accuracy"}] and "triggers" [{"trigger", "target", "asr",
 * "robust_accuracy"}], rates with intervals; "after"'s triggers have "der" as well. Prints the same
 * as a page, unless the record goes to stdout. Nothing without --test. */
td_status repair_tell(const repair_judge *judge, const repair_figures *before,
                      const repair_figures *after, tool_record *record,
                      td_error *error) TD_MUST_USE;

#endif
