/* SPDX-License-Identifier: MIT */
/* The losses of shared adversarial unlearning, for one image. Wei et al., "Shared adversarial
 * unlearning: backdoor mitigation by unlearning shared adversarial examples", NeurIPS 2023. */
#ifndef TOOLS_DEFEND_REPAIR_SAU_H
#define TOOLS_DEFEND_REPAIR_SAU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sau_weights {
    double adversarial, shared; /* lambda 3 and 4 */
} sau_weights;

/* Whether both models misclassify the image, and as the same class. */
bool sau_is_shared(const float *logits, const float *frozen, int32_t label, size_t classes);

/* The loss that the search for a shared example minimises:
 *     adversarial · −½ [CE(f) unless f errs + CE(f₀) unless f₀ errs]
 *     + shared · JS(softmax f, softmax f₀) unless both err with the same class.
 * Writes its gradients with respect to both logits [classes]. */
double sau_search_loss(const sau_weights *weights, const float *logits, const float *frozen,
                       int32_t label, size_t classes, float *gradient, float *frozen_gradient);

/* The Jensen-Shannon divergence of two rows of logits' softmax, natural logarithm. */
double sau_divergence(const float *logits, const float *frozen, size_t classes);

/* The model's unlearning loss: if f₀ errs with class k, −ln(10⁻⁶ + min(1 − p_k, 0.999)); else 0.
 * Writes `share` times its gradient with respect to the model's logits. */
double sau_unlearn_loss(const float *logits, const float *frozen, int32_t label, size_t classes,
                        double share, float *gradient);

#endif
