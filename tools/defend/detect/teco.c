/* SPDX-License-Identifier: MIT */
/* TeCo: Liu, Li, Wang, Hu, Ye, Jin and Xu, "Detecting backdoors during the inference stage based on
 * corruption robustness consistency", CVPR 2023. An input is corrupted in several ways, each at
 * five severities (corruption.h). For each way it takes the first severity, 1 to 5, at which the
 * class changes, or 6 if none does. A clean input is about equally robust to all ways; one with a
 * trigger is robust only to some: the score is the deviation of these numbers over the ways. It
 * needs only classes.
 *
 * Each corruption starts from the original input. The authors use fifteen ways; those that need an
 * image library (weather, glass, motion, zoom, elastic, JPEG) are not implemented. */
#include "defend/detect/corruption.h"
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "measure/normal.h"

enum { NONE = CORRUPTION_SEVERITIES + 1 };

typedef struct teco_settings {
    detect_own shared;
} teco_settings;

static td_status prepare(detect_job *job, td_error *error) {
    TD_TRY(detect_check_count(job, error));
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "teco"};
    return TD_OK;
}

static void make(const detect_job *job, const uint8_t *image, uint32_t number, size_t query,
                 uint8_t *out, float *scratch) {
    const td_images *images = &job->clean.images;
    const td_shape shape = {images->height, images->width, images->channels};
    td_random random =
        td_random_for(job->run->common->seed, TD_FOR_DETECT, (uint32_t)query, number);
    corruption_apply(&corruptions[(query - 1) / CORRUPTION_SEVERITIES],
                     (query - 1) % CORRUPTION_SEVERITIES, image, shape, &random, out, scratch);
}

static double deviation(const detect_job *job, const int32_t *answers) {
    double first[CORRUPTIONS];
    (void)job;
    for (size_t i = 0; i < CORRUPTIONS; i++) {
        const int32_t *of = answers + 1 + i * CORRUPTION_SEVERITIES;
        size_t severity = 1;
        while (severity < NONE && of[severity - 1] == answers[0])
            severity++;
        first[i] = (double)severity;
    }
    return td_normal_fit(first, CORRUPTIONS).sigma;
}

static const detect_queries queries = {
    .count = 1 + CORRUPTIONS * CORRUPTION_SEVERITIES, .make = make, .score = deviation};

static const detector teco_detector = {.score_name = "deviation of severities",
                                       .sign = 1,
                                       .rates = {0.01, 0.05, 0.1, 0.2},
                                       .prepare = prepare,
                                       .score = detect_query_score,
                                       .queries = &queries,
                                       .calibrate = detect_calibrate_above};

static const td_key keys[] = {DETECT_FPR("0.05"), {0}};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "corrupts each input in seven ways (Gaussian, shot and impulse noise, blur, brightness, "
    "contrast, pixels), each at five severities. It flags inputs that withstand some of them but "
    "not others, more than clean inputs do. It needs only classes, so it also works on a model "
    "that can only be queried (--queries, --logits)."
    "\v"
    "Examples:\n"
    "  trapdoor-defend teco --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --benign fashion-mnist:test:1000-2000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255\n"
    "  trapdoor-defend teco --queries ask.safetensors \\\n"
    "    --clean mine:test:0-500 --suspect inbox";

const tool_method defend_teco = {
    .name = "teco",
    .title = "TeCo",
    .source = "Liu et al., CVPR 2023",
    .doc = "inputs that withstand some corruptions, not others",
    .help = help,
    .family = &query_detectors,
    .groups = groups,
    .size = sizeof(teco_settings),
    .math = &teco_detector,
};
