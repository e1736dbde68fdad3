/* SPDX-License-Identifier: MIT */
#include "defend/repair/masked.h"

#include "base/random.h"
#include "base/size.h"
#include "nn/feed.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAW = 17, ROWS = 20 }; /* DRAW: of TD_FOR_REPAIR */

/* --- opening --- */

/* A copy of the job's net with everything frozen except batch norms. */
static td_status copy_net(masked *m, const td_net *net, td_error *error) {
    char *text;
    TD_TRY(td_net_text(net, &m->arena, &text, error));
    TD_TRY(td_net_parse(&m->net, text, NULL, error));
    for (size_t p = 0; p < m->net.param_count; p++)
        m->net.params[p].frozen = true;
    for (size_t i = 0; i < m->norms.count; i++) {
        const td_node *node = &m->net.nodes[m->norms.list[i].node];
        for (size_t p = 0; p < node->param_count; p++)
            m->net.params[node->params[p]].frozen = false;
    }
    return TD_OK;
}

static td_status allocate(masked *m, td_error *error) {
    static const char what[] = "masks";
    const size_t channels = m->norms.channels, weights = m->net.weight_count;
    TD_TRY(TD_ARENA_NEW(&m->arena, weights, &m->weights, what, error));
    TD_TRY(TD_ARENA_NEW(&m->arena, weights, &m->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(&m->arena, channels, &m->masks, what, error));
    TD_TRY(TD_ARENA_NEW(&m->arena, channels, &m->least, what, error));
    TD_TRY(TD_ARENA_NEW(&m->arena, channels, &m->velocity, what, error));
    TD_TRY(td_arena_alloc(&m->arena, m->options.batch,
                          td_shape_size(td_net_input(&m->net)) * sizeof *m->pixels,
                          (void **)&m->pixels, "images", error));
    return TD_ARENA_NEW(&m->arena, m->options.batch, &m->labels, "labels", error);
}

static td_status read_augment(masked *m, td_error *error) {
    if (!m->options.augment)
        return TD_OK;
    td_status status = td_augment_parse(&m->augmentation, m->options.augment, error);
    if (status == TD_OK)
        status = td_augment_check(&m->augmentation, m->images, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "--augment");
}

td_status masked_open(masked *m, repair_job *job, const td_images *images, const float *original,
                      const masked_options *options, td_error *error) {
    *m = (masked){.run = job->run, .images = images, .options = *options, .original = original};
    m->options.batch = td_size_min(options->batch, images->count);
    TD_TRY(read_augment(m, error));
    td_status status = norms_find(job->net, &m->arena, &m->norms, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->settings->model.path);
    TD_TRY(copy_net(m, job->net, error));
    TD_TRY(allocate(m, error));
    memcpy(m->weights, original, m->net.weight_count * sizeof *m->weights);
    for (size_t c = 0; c < m->norms.channels; c++)
        m->masks[c] = 1;
    return td_exec_new(&m->exec, &m->net, m->options.batch, TD_BACKWARD, error);
}

void masked_close(masked *m) {
    td_exec_free(m->exec);
    td_net_free(&m->net);
    td_arena_free(&m->arena);
    *m = (masked){0};
}

/* --- a step --- */

void masked_feed(masked *m, const uint32_t *order, size_t count, uint32_t epoch) {
    const td_augment_epoch augmented = {&m->augmentation, m->run->common->seed, epoch};
    m->count = count;
    for (size_t i = 0; i < count; i++)
        m->labels[i] = m->images->labels[order[i]];
    td_feed_augmented(m->images, order, 0, count, m->options.augment ? &augmented : NULL,
                      m->pixels);
}

void masked_draw(masked *m, uint32_t step, uint32_t *order) {
    td_random random = td_random_for(m->run->common->seed, TD_FOR_REPAIR, DRAW, step);
    for (size_t i = 0; i < m->options.batch; i++)
        order[i] = td_random_below(&random, (uint32_t)m->images->count);
    masked_feed(m, order, m->options.batch, step);
}

static void set_weights(masked *m, const float *noise, const float *shift) {
    for (size_t i = 0; i < m->norms.count; i++) {
        const repair_norm *norm = &m->norms.list[i];
        for (size_t c = 0; c < norm->channels; c++) {
            const size_t at = norm->first + c;
            m->weights[norm->weight + c] =
                m->original[norm->weight + c] * (m->masks[at] + (noise ? noise[at] : 0));
            m->weights[norm->bias + c] =
                m->original[norm->bias + c] * (1 + (shift ? shift[at] : 0));
        }
    }
    td_exec_weights(m->exec, m->weights);
}

static void get_gradients(const masked *m, float *by_mask, float *by_shift) {
    for (size_t i = 0; i < m->norms.count; i++) {
        const repair_norm *norm = &m->norms.list[i];
        for (size_t c = 0; c < norm->channels; c++) {
            const size_t at = norm->first + c;
            if (by_mask)
                by_mask[at] = m->original[norm->weight + c] * m->gradient[norm->weight + c];
            if (by_shift)
                by_shift[at] = m->original[norm->bias + c] * m->gradient[norm->bias + c];
        }
    }
}

td_status masked_pass(masked *m, const float *noise, const float *shift, const float *soft_labels,
                      float *by_mask, float *by_shift, td_loss *loss, td_error *error) {
    const size_t classes = td_net_classes(&m->net);
    const size_t floats = m->count * td_shape_size(td_net_input(&m->net));
    set_weights(m, noise, shift);
    memcpy(td_exec_input(m->exec), m->pixels, floats * sizeof *m->pixels);
    td_exec_training(m->exec, m->run->common->seed, m->step++);
    const float *logits = td_exec_forward(m->exec, m->count);
    float *gradient = td_exec_logits_gradient(m->exec);
    *loss = soft_labels ? td_cross_entropy_soft(logits, soft_labels, m->count, classes, gradient)
                        : td_cross_entropy(logits, m->labels, m->count, classes, gradient);
    if (!isfinite(loss->sum))
        return td_fail(error, TD_ERR_NUMERIC,
                       "masks, pass %u: the loss is not finite; a smaller --lr may help",
                       (unsigned)m->step);
    td_exec_backward(m->exec, m->gradient);
    get_gradients(m, by_mask, by_shift);
    return TD_OK;
}

void masked_follow(masked *m) {
    td_net_update_running(&m->net, m->gradient, m->weights);
}

void masked_step(masked *m, double lr, const float *gradient) {
    for (size_t c = 0; c < m->norms.channels; c++) {
        m->velocity[c] = (float)(m->options.momentum * (double)m->velocity[c]) + gradient[c];
        const float moved = m->masks[c] - (float)lr * m->velocity[c];
        m->masks[c] = fminf(1, fmaxf(m->least[c], moved));
    }
}

/* --- the table --- */

#define AT(field) offsetof(masked_row, field)

static const tool_column log_columns[] = {
    {"step", "step", TOOL_COUNT, AT(step)},
    {"loss", "loss", TOOL_REAL, AT(loss)},
    {"accuracy", "training accuracy", TOOL_REAL, AT(accuracy)},
    {"mean_mask", "mean mask", TOOL_REAL, AT(mean)},
    {"masks_below_half", "masks below 0.5", TOOL_COUNT, AT(low)},
    {0},
};

static const tool_chart log_charts[] = {
    {"Loss", TOOL_CHART_LINES, "step", {"loss"}},
    {"Mean mask", TOOL_CHART_LINES, "step", {"mean_mask"}},
    {0},
};

static const tool_table_kind log_table = {.name = "masks",
                                          .title = "Learning the masks",
                                          .columns = log_columns,
                                          .row = sizeof(masked_row),
                                          .charts = log_charts,
                                          .drawn = true};

td_status masked_log_open(masked_log *log, tool_run *run, td_error *error) {
    *log = (masked_log){0};
    return tool_run_open(run, &log_table, NULL, &log->table, error);
}

static td_status add_row(masked_log *log, const masked *m, td_error *error) {
    const double images = (double)log->images;
    log->row.loss = log->loss / images;
    log->row.accuracy = (double)log->correct / images;
    log->row.mean = 0;
    log->row.low = 0;
    for (size_t c = 0; c < m->norms.channels; c++) {
        log->row.mean += (double)m->masks[c] / (double)m->norms.channels;
        log->row.low += m->masks[c] < 0.5F;
    }
    log->loss = 0;
    log->images = log->correct = 0;
    return tool_run_fill(m->run, log->table, &log->row, error);
}

td_status masked_log_step(masked_log *log, const masked *m, td_loss loss, size_t step, size_t steps,
                          td_error *error) {
    char note[64];
    log->loss += loss.sum;
    log->images += m->count;
    log->correct += loss.correct;
    log->row.step = step + 1;
    snprintf(note, sizeof note, "loss %.4f", log->loss / (double)log->images);
    if ((step + 1) * ROWS / steps > step * ROWS / steps)
        TD_TRY(add_row(log, m, error));
    return tool_run_go_on(m->run, step + 1, note, error);
}
