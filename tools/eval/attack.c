/* What one trigger does to one model. */
#include "eval/eval.h"
#include "nn/loss.h"
#include <string.h>

static td_status keep_logits(const eval_outputs *outputs, size_t image, td_arena *arena,
                             eval_result *out, td_error *error) {
    const size_t classes = outputs->classes;
    float *copy;
    TD_TRY(TD_ARENA_NEW(arena, classes, &copy, "logits", error));
    memcpy(copy, outputs->logits + image * classes, classes * sizeof *copy);
    out->logits = copy;
    return TD_OK;
}

td_status eval_attack(const eval_job *job, const eval_backdoor *backdoor, eval_outputs *outputs,
                      td_arena *arena, eval_result *out, td_error *error) {
    const td_images *images = outputs->images;
    const size_t classes = outputs->classes, best = job->settings->best;
    const int32_t target = (int32_t)backdoor->target;
    *out = (eval_result){.best_count = 0};
    TD_TRY(TD_ARENA_NEW(arena, classes, &out->by_class, "rates", error));
    if (job->scored)
        TD_TRY(keep_logits(outputs, job->settings->scores, arena, out, error));
    td_softmax(outputs->logits, images->count, classes, outputs->logits);
    out->attack = td_attack_rates(outputs->predicted, outputs->logits, images->labels,
                                  images->count, classes, target);
    td_asr_by_class(outputs->predicted, images->labels, images->count, classes, target,
                    out->by_class);
    if (best == 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(arena, best, &out->best, "the best classes", error));
    out->best_count = td_best_classes(out->by_class, images->classes, best, out->best);
    return TD_OK;
}
