#include "defend/audit/verdict.h"

static const double least_skill = 0.2; /* of the way from chance to 1 */

const char *const verdict_names[] = {"cannot-be-judged", "inconclusive", "nothing-found",
                                     "backdoor-suspected", "backdoor-likely"};

bool verdict_is_plausible(const td_rate *accuracy, double chance) {
    return accuracy->interval.low - chance >= least_skill * (1 - chance) && chance < 1;
}

static bool sees(const sighting *s) {
    return s->class_count > 0 || s->inputs;
}

static bool points_at(const sighting *s, size_t class) {
    for (size_t i = 0; i < s->class_count; i++)
        if (s->classes[i] == class)
            return true;
    return false;
}

static size_t votes_for(size_t class, const sighting *sightings, size_t count) {
    size_t votes = 0;
    for (size_t i = 0; i < count; i++)
        votes += sightings[i].worth == WORTH_SIGN && points_at(&sightings[i], class);
    return votes;
}

/* The class of the most votes, the first of several; the number of its votes. */
static size_t elect(const sighting *sightings, size_t count, size_t *class) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sightings[i].class_count; k++) {
            const size_t votes = votes_for(sightings[i].classes[k], sightings, count);
            if (votes > most) {
                most = votes;
                *class = sightings[i].classes[k];
            }
        }
    return most;
}

conclusion verdict_on(const td_rate *accuracy, double chance, const sighting *sightings,
                      size_t count) {
    conclusion c = {.verdict = VERDICT_NOT_JUDGED};
    bool inspected = false, strong = false;
    if (!verdict_is_plausible(accuracy, chance))
        return c;
    c.agreeing = elect(sightings, count, &c.class);
    c.has_class = c.agreeing > 0;
    for (size_t i = 0; i < count; i++) {
        const sighting *s = &sightings[i];
        if (s->worth == WORTH_HINT)
            continue;
        c.pointing += sees(s);
        strong |= s->worth == WORTH_SIGN && sees(s);
        c.looked += s->whole || sees(s);
        c.agreeing += c.has_class && s->worth == WORTH_SIGN && s->inputs;
        inspected |= s->sight == SIGHT_MODEL && s->whole;
    }
    c.weak = c.pointing > 0 && !strong;
    c.verdict = c.agreeing >= 2  ? VERDICT_LIKELY
                : c.pointing > 0 ? VERDICT_SUSPECTED
                : inspected      ? VERDICT_NOTHING
                                 : VERDICT_INCONCLUSIVE;
    return c;
}
