/* SPDX-License-Identifier: MIT */
/* SCALE-UP: Guo, Li, Chen, Guo, Sun and Liu, "SCALE-UP: an efficient black-box input-level backdoor
 * detection via analyzing scaled prediction consistency", ICLR 2023. An input's raw pixels are
 * multiplied by n = 3, 5, 7, 9, 11 and clipped. With a trigger the class often stays the same: the
 * score is the share of the multiples with the class of the input itself (SPC). It needs only
 * classes.
 *
 * --per-class is the authors' data-limited variant: (SPC - mean) / deviation over the clean images
 * that the model assigns to the same class. Both use the model's own class of an image, never its
 * label. */
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "measure/normal.h"
#include <math.h>
#include <string.h>

static const unsigned factors[] = {3, 5, 7, 9, 11};

enum { FACTORS = sizeof factors / sizeof *factors, LEAST_OF_CLASS = 2 };

typedef struct scale_up_settings {
    detect_own shared;
    bool per_class;
} scale_up_settings;

/* The scores of clean images: per class, and of all. */
typedef struct scale_up {
    td_normal *of_class; /* sigma 0: too few images, or all equal */
    size_t classes;
    td_normal all;
} scale_up;

static void make(const detect_job *job, const uint8_t *image, uint32_t number, size_t query,
                 uint8_t *out, float *scratch) {
    const size_t size = td_image_size(&job->clean.images);
    const unsigned factor = factors[query - 1];
    (void)number, (void)scratch;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(factor * image[i] < 255 ? factor * image[i] : 255);
}

static double spc(const detect_job *job, const int32_t *answers) {
    size_t same = 0;
    (void)job;
    for (size_t i = 1; i <= FACTORS; i++)
        same += answers[i] == answers[0];
    return (double)same / FACTORS;
}

static td_status prepare(detect_job *job, td_error *error) {
    TD_TRY(detect_check_count(job, error));
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "scale-up"};
    return TD_OK;
}

/* The scores of the clean images of class `of`, to own[]. */
static size_t gather(const detect_set *set, size_t of, double *own) {
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        if ((size_t)set->classes[i] == of)
            own[count++] = set->scores[i];
    return count;
}

static td_normal deviation_of(const double *values, size_t count) {
    td_normal fit = td_normal_fit(values, count);
    fit.sigma *= count > 1 ? sqrt((double)count / (double)(count - 1)) : 0;
    return fit;
}

static td_status learn(detect_job *job, const detect_set *set, td_error *error) {
    td_arena *arena = &job->run->arena;
    scale_up *s;
    double *own;
    TD_TRY(TD_ARENA_NEW(arena, 1, &s, "scores by class", error));
    for (size_t i = 0; i < set->count; i++)
        s->classes =
            (size_t)set->classes[i] >= s->classes ? (size_t)set->classes[i] + 1 : s->classes;
    TD_TRY(TD_ARENA_NEW(arena, s->classes, &s->of_class, "scores by class", error));
    TD_TRY(TD_ARENA_NEW(arena, set->count, &own, "scores by class", error));
    s->all = deviation_of(set->scores, set->count);
    for (size_t k = 0; k < s->classes; k++) {
        const size_t count = gather(set, k, own);
        if (count >= LEAST_OF_CLASS)
            s->of_class[k] = deviation_of(own, count);
    }
    job->state = s;
    return TD_OK;
}

/* A class with too few clean images, or with equal scores, is compared with all of them; if those
 * are equal too, the score is the difference. */
static double standardised(const scale_up *s, size_t class, double score) {
    td_normal by = class < s->classes && s->of_class[class].sigma > 0 ? s->of_class[class] : s->all;
    return (score - by.mean) / (by.sigma > 0 ? by.sigma : 1);
}

static td_status finish(detect_job *job, detect_set *set, td_error *error) {
    if (!((const scale_up_settings *)job->run->own)->per_class)
        return TD_OK;
    if (set->kind == DETECT_CALIBRATION)
        TD_TRY(learn(job, set, error));
    for (size_t i = 0; i < set->count; i++)
        set->scores[i] = standardised(job->state, (size_t)set->classes[i], set->scores[i]);
    return TD_OK;
}

static const detect_queries queries = {.count = 1 + FACTORS, .make = make, .score = spc};

static const detector scale_up_detector = {.score_name = "scaled prediction consistency",
                                           .sign = 1,
                                           .rates = {0.01, 0.05, 0.1, 0.2},
                                           .prepare = prepare,
                                           .score = detect_query_score,
                                           .queries = &queries,
                                           .finish = finish,
                                           .calibrate = detect_calibrate_above};

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"per-class", TD_KEY_FLAG, offsetof(scale_up_settings, per_class),
     .help = "Standardise an input's score by those of the clean images that the model gives its "
             "class"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "multiplies the pixels of each input by 3, 5, 7, 9 and 11. A trigger often keeps its class: "
    "inputs that keep theirs more often than clean ones are flagged. It needs only classes, so it "
    "also works on a model that can only be queried (--queries, --logits)."
    "\v"
    "The score has six values. If more than a share --fpr of the clean images never changes its "
    "class, nothing is flagged, with a warning. Scaling does not change white and black, so the "
    "method is weak for white triggers on dark images and for images of these two values. A class "
    "with fewer than two clean images, or with equal scores, is standardised by all of them.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend scale-up --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-2000 --benign fashion-mnist:test:2000-4000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255\n"
    "  trapdoor-defend scale-up --queries ask.safetensors \\\n"
    "    --clean mine:test:0-500 --suspect inbox\n"
    "  trapdoor-defend scale-up --logits answers.npy \\\n"
    "    --clean mine:test:0-500 --suspect inbox";

const tool_method defend_scale_up = {
    .name = "scale-up",
    .title = "SCALE-UP",
    .source = "Guo et al., ICLR 2023",
    .doc = "inputs that keep their class when pixels are scaled",
    .help = help,
    .family = &query_detectors,
    .groups = groups,
    .size = sizeof(scale_up_settings),
    .math = &scale_up_detector,
};
