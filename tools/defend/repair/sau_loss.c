/* SPDX-License-Identifier: MIT */
#include "defend/repair/sau.h"

#include "nn/loss.h"
#include <math.h>
#include <string.h>

bool sau_is_shared(const float *logits, const float *frozen, int32_t label, size_t classes) {
    const int32_t one = td_argmax(logits, classes), other = td_argmax(frozen, classes);
    return one == other && one != label;
}

/* log softmax, in double. */
static double log_probability(const float *logits, size_t classes, size_t k) {
    const double largest = logits[td_argmax(logits, classes)];
    double total = 0;
    for (size_t c = 0; c < classes; c++)
        total += exp((double)logits[c] - largest);
    return (double)logits[k] - largest - log(total);
}

/* ½ KL(p ‖ m), and half its logarithms ½ ln(p_k / m_k) to `half`, where m is the mean of p and q.
 */
static double half_divergence(const float *p, const float *q, size_t classes, float *half) {
    double sum = 0;
    for (size_t k = 0; k < classes; k++) {
        const double log_p = log_probability(p, classes, k), value = exp(log_p);
        const double mean = (value + exp(log_probability(q, classes, k))) / 2;
        const double log_ratio = value > 0 ? log_p - log(mean) : 0;
        sum += 0.5 * value * log_ratio;
        if (half)
            half[k] = (float)(0.5 * log_ratio);
    }
    return sum;
}

double sau_divergence(const float *logits, const float *frozen, size_t classes) {
    return half_divergence(logits, frozen, classes, NULL) +
           half_divergence(frozen, logits, classes, NULL);
}

/* With g = ∂JS/∂p = ½ ln(p / m) in place: ∂JS/∂z_k = p_k · (g_k − Σ p·g). */
static void through_softmax(const float *logits, size_t classes, double scale, float *gradient) {
    double mean = 0;
    for (size_t k = 0; k < classes; k++)
        mean += exp(log_probability(logits, classes, k)) * (double)gradient[k];
    for (size_t k = 0; k < classes; k++)
        gradient[k] = (float)(scale * exp(log_probability(logits, classes, k)) *
                              ((double)gradient[k] - mean));
}

/* −½ · weight · CE unless the model errs, and adds its gradient. */
static double add_adversarial(double weight, const float *logits, int32_t label, size_t classes,
                              float *gradient) {
    if (td_argmax(logits, classes) != label)
        return 0;
    for (size_t k = 0; k < classes; k++) {
        const double p = exp(log_probability(logits, classes, k));
        gradient[k] -= (float)(weight / 2 * (p - (k == (size_t)label)));
    }
    return weight / 2 * log_probability(logits, classes, (size_t)label);
}

double sau_search_loss(const sau_weights *w, const float *logits, const float *frozen,
                       int32_t label, size_t classes, float *gradient, float *frozen_gradient) {
    double loss = 0;
    if (sau_is_shared(logits, frozen, label, classes)) {
        memset(gradient, 0, classes * sizeof *gradient);
        memset(frozen_gradient, 0, classes * sizeof *frozen_gradient);
        return 0; /* both err, so that the other term is 0, too */
    }
    loss += w->shared * half_divergence(logits, frozen, classes, gradient);
    loss += w->shared * half_divergence(frozen, logits, classes, frozen_gradient);
    through_softmax(logits, classes, w->shared, gradient);
    through_softmax(frozen, classes, w->shared, frozen_gradient);
    loss += add_adversarial(w->adversarial, logits, label, classes, gradient);
    return loss + add_adversarial(w->adversarial, frozen, label, classes, frozen_gradient);
}

double sau_unlearn_loss(const float *logits, const float *frozen, int32_t label, size_t classes,
                        double share, float *gradient) {
    static const double tiny = 1e-6, most = 0.999;
    const int32_t wrong = td_argmax(frozen, classes);
    memset(gradient, 0, classes * sizeof *gradient);
    if (wrong == label)
        return 0;
    const double p = exp(log_probability(logits, classes, (size_t)wrong)), rest = 1 - p;
    if (rest >= most)
        return -log(tiny + most);
    for (size_t k = 0; k < classes; k++) {
        const double by_logit =
            p * ((k == (size_t)wrong) - exp(log_probability(logits, classes, k)));
        gradient[k] = (float)(share * by_logit / (tiny + rest));
    }
    return -log(tiny + rest);
}
