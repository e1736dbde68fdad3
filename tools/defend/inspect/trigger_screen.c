/* Where the search for triggers starts. A backdoor waits for a pattern, and next to nothing of it
 * shows in the slope where none of the pattern is there: a search by gradients alone passes it by.
 * So images are stamped with random blocks, some lighter and some darker, and of each class the
 * pixels are taken whose change goes with its probability (their covariance). */
#include "base/parallel.h"
#include "base/random.h"
#include "defend/inspect/trigger_search.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

enum { BATCHES = 32 };

static const float CHANGED = 0.3F; /* the share of the blocks that are */
static const float CHANGE = 0.8F;  /* by how much, in units of the pixel range */
static const float START = 0.6F;   /* the largest change to start from */
static const double CLEAR = 0.5;   /* of the largest covariance: what is taken */
static const float RANGE = 255;

/* Σ p·change by class and pixel is in the search's `starts`. */
typedef struct screening {
    search *search;
    size_t batch;
    double *sums, *count; /* [classes]: Σ p; images of other classes */
    double *changes;      /* [size]: Σ change */
} screening;

/* Blocks of a 14th, a 7th or a quarter of the smaller side, anywhere. */
static size_t block_side(const screening *v, size_t number) {
    static const size_t parts[] = {14, 7, 4, 7};
    const td_shape s = v->search->generator.image;
    const size_t side = s.height < s.width ? s.height : s.width, block = side / parts[number % 4];
    return block < 1 ? 1 : block;
}

static void fill_block(float *change, td_shape s, size_t top, size_t left, size_t side,
                       const float *value) {
    for (size_t y = top; y < top + side && y < s.height; y++)
        for (size_t x = left; x < left + side && x < s.width; x++)
            memcpy(change + (y * s.width + x) * s.channels, value, s.channels * sizeof *value);
}

static void draw_blocks(const screening *v, size_t i, td_random *random, float *change) {
    enum { MOST_CHANNELS = 3 };
    const td_shape s = v->search->generator.image;
    const size_t side = block_side(v, i);
    const size_t down = td_random_below(random, (uint32_t)side);
    const size_t right = td_random_below(random, (uint32_t)side);
    memset(change, 0, td_shape_size(s) * sizeof *change);
    for (size_t y = 0; y < s.height + side; y += side)
        for (size_t x = 0; x < s.width + side; x += side) {
            float value[MOST_CHANNELS];
            const bool changed = td_random_unit(random) < CHANGED;
            for (size_t c = 0; c < s.channels; c++)
                value[c] = RANGE * (td_random_below(random, 2) ? CHANGE : -CHANGE);
            /* The grid begins above and left of the image; its first blocks are moved inside. */
            const size_t top = y > down ? y - down : 0, first = x > right ? x - right : 0;
            if (changed)
                fill_block(change, s, top, first, side, value);
        }
}

static void stamp(void *context, size_t i) {
    const screening *v = context;
    search *s = v->search;
    const float *clean = s->clean + i * s->size;
    float *change = s->change + i * s->size, *input = td_exec_input(s->model) + i * s->size;
    td_random random = td_random_for(s->run->common->seed, TD_FOR_GENERATE, 0,
                                     (uint32_t)(2 * (v->batch * SEARCH_BATCH + i)));
    draw_blocks(v, i, &random, change);
    for (size_t k = 0; k < s->size; k++)
        input[k] = fminf(RANGE, fmaxf(0, clean[k] + change[k]));
}

/* Adds what the batch says of class t. */
static void gather(void *context, size_t t) {
    const screening *v = context;
    const search *s = v->search;
    float *start = s->starts + t * s->size;
    for (size_t i = 0; i < SEARCH_BATCH; i++) {
        const float p = s->probabilities[i * s->classes + t];
        const float *change = s->change + i * s->size;
        if ((size_t)s->images->labels[s->sources[i]] == t)
            continue;
        for (size_t k = 0; k < s->size; k++)
            start[k] += p * change[k];
        v->sums[t] += (double)p;
        v->count[t]++;
    }
}

static void run_batch(screening *v) {
    search *s = v->search;
    for (uint32_t i = 0; i < SEARCH_BATCH; i++) {
        td_random random = td_random_for(s->run->common->seed, TD_FOR_GENERATE, 0,
                                         2 * ((uint32_t)v->batch * SEARCH_BATCH + i) + 1);
        s->sources[i] = td_random_below(&random, (uint32_t)s->images->count);
    }
    td_feed(s->images, s->sources, 0, SEARCH_BATCH, s->clean);
    td_parallel_each(SEARCH_BATCH, stamp, v);
    td_softmax(td_exec_forward(s->model, SEARCH_BATCH), SEARCH_BATCH, s->classes, s->probabilities);
    td_parallel_each(s->classes, gather, v);
    for (size_t i = 0; i < SEARCH_BATCH; i++)
        for (size_t k = 0; k < s->size; k++)
            v->changes[k] += (double)s->change[i * s->size + k];
}

/* From sums to covariances, and from these to a start. */
static void finish_class(const screening *v, size_t t) {
    const search *s = v->search;
    float *start = s->starts + t * s->size;
    double most = 0;
    for (size_t k = 0; k < s->size; k++) {
        const double all = v->changes[k] / (BATCHES * SEARCH_BATCH);
        const double covariance =
            v->count[t] > 0 ? ((double)start[k] - v->sums[t] * all) / v->count[t] : 0;
        start[k] = (float)covariance;
        most = fmax(most, fabs(covariance));
    }
    for (size_t k = 0; k < s->size; k++) {
        const double part = most > 0 ? (double)start[k] / most : 0;
        start[k] = fabs(part) >= CLEAR ? START * (float)part : 0;
    }
}

td_status search_screen(search *s, td_error *error) {
    static const char what[] = "the search for triggers";
    td_arena *arena = &s->run->arena;
    screening v = {.search = s};
    TD_TRY(TD_ARENA_NEW(arena, s->classes, &v.sums, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->classes, &v.count, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &v.changes, what, error));
    for (v.batch = 0; v.batch < BATCHES; v.batch++) {
        run_batch(&v);
        TD_TRY(tool_run_go_on(s->run, 0, NULL, error));
    }
    for (size_t t = 0; t < s->classes; t++)
        finish_class(&v, t);
    return TD_OK;
}
