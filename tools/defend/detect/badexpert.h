/* SPDX-License-Identifier: MIT */
/* The score of BaDExpert (Xie, Qi, He, Li, Wang and Mittal, "BaDExpert: extracting backdoor
 * functionality for accurate backdoor input detection", ICLR 2024, section 3.3). */
#ifndef TOOLS_DEFEND_DETECT_BADEXPERT_H
#define TOOLS_DEFEND_DETECT_BADEXPERT_H

/* min(2y / x, (1 - x) / max(1/2 - y, 1e-8)), with x and y the probabilities in [0, 1] that the
 * backdoor expert and the fine-tuned model give the model's class: small if the expert still
 * predicts it and the fine-tuned model does not. Non-increasing in x, non-decreasing in y; x is at
 * least 1e-8. */
double badexpert_score(double x, double y);

#endif
