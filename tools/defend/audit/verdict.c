/* SPDX-License-Identifier: MIT */
#include "defend/audit/verdict.h"

static const double least_skill = 0.2; /* of the way from chance to 1 */

const char *const verdict_names[] = {"cannot-be-judged", "inconclusive", "nothing-found",
                                     "backdoor-suspected", "backdoor-likely"};

bool verdict_is_plausible(const td_rate *accuracy, double chance) {
    return accuracy->interval.low - chance >= least_skill * (1 - chance) && chance < 1;
}

static bool sees(const verdict_finding *s) {
    return s->class_count > 0 || s->other;
}

static bool points_at(const verdict_finding *s, size_t class) {
    for (size_t i = 0; i < s->class_count; i++)
        if (s->classes[i] == class)
            return true;
    return false;
}

static size_t votes_for(size_t class, const verdict_finding *found, size_t count) {
    size_t votes = 0;
    for (size_t i = 0; i < count; i++)
        votes += found[i].weight == WEIGHT_SIGN && points_at(&found[i], class);
    return votes;
}

/* The class with the most votes, the first of several; and the number of its votes. */
static size_t elect(const verdict_finding *found, size_t count, size_t *class) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < found[i].class_count; k++) {
            const size_t votes = votes_for(found[i].classes[k], found, count);
            if (votes > most) {
                most = votes;
                *class = found[i].classes[k];
            }
        }
    return most;
}

conclusion verdict_on(const td_rate *accuracy, double chance, const verdict_finding *found,
                      size_t count) {
    conclusion c = {.verdict = VERDICT_NOT_JUDGED};
    bool inspected = false, strong = false;
    if (!verdict_is_plausible(accuracy, chance))
        return c;
    c.agreeing = elect(found, count, &c.class);
    c.has_class = c.agreeing > 0;
    for (size_t i = 0; i < count; i++) {
        const verdict_finding *s = &found[i];
        if (s->weight == WEIGHT_HINT)
            continue;
        c.pointing += sees(s);
        strong |= s->weight == WEIGHT_SIGN && sees(s);
        c.looked += s->whole || sees(s);
        c.agreeing += c.has_class && s->weight == WEIGHT_SIGN && s->other;
        inspected |= s->source == SOURCE_MODEL && s->whole;
    }
    c.weak = c.pointing > 0 && !strong;
    c.verdict = c.agreeing >= 2  ? VERDICT_LIKELY
                : c.pointing > 0 ? VERDICT_SUSPECTED
                : inspected      ? VERDICT_NOTHING
                                 : VERDICT_INCONCLUSIVE;
    return c;
}
