/* The one-dimensional Winograd transforms and their adjoints, on vectors of channels. With the
 * points 0, ±p, ±q, ∞ the pairs share their even and odd parts. */
#ifndef TD_NN_WINOGRAD_STEPS_H
#define TD_NN_WINOGRAD_STEPS_H

#include "nn/winograd_inner.h"

#define TD_WG_P2 (TD_WG_P * TD_WG_P)
#define TD_WG_Q2 (TD_WG_Q * TD_WG_Q)
#define TD_WG_P3 (TD_WG_P2 * TD_WG_P)
#define TD_WG_Q3 (TD_WG_Q2 * TD_WG_Q)

/* to[6] = Bᵀ d[6] */
TD_WG_INLINE void td_wg_step_b(const td_vec *d, td_vec *to) {
    const td_vec p = td_vec_set(TD_WG_P), q = td_vec_set(TD_WG_Q);
    const td_vec p2 = td_vec_set(-TD_WG_P2), q2 = td_vec_set(-TD_WG_Q2);
    const td_vec sum = td_vec_set(-(TD_WG_P2 + TD_WG_Q2)), both = td_vec_set(TD_WG_P2 * TD_WG_Q2);
    to[0] = td_vec_fma(both, d[0], td_vec_fma(sum, d[2], d[4]));
    td_vec even = td_vec_fma(q2, d[2], d[4]), odd = td_vec_fma(q2, d[1], d[3]);
    to[1] = td_vec_fma(p, odd, even);
    to[2] = td_vec_fma(-p, odd, even);
    even = td_vec_fma(p2, d[2], d[4]), odd = td_vec_fma(p2, d[1], d[3]);
    to[3] = td_vec_fma(q, odd, even);
    to[4] = td_vec_fma(-q, odd, even);
    to[5] = td_vec_fma(both, d[1], td_vec_fma(sum, d[3], d[5]));
}

/* to[6] = B m[6] */
TD_WG_INLINE void td_wg_step_b_adjoint(const td_vec *m, td_vec *to) {
    const td_vec p = td_vec_set(TD_WG_P), q = td_vec_set(TD_WG_Q);
    const td_vec p2 = td_vec_set(-TD_WG_P2), q2 = td_vec_set(-TD_WG_Q2);
    const td_vec sum = td_vec_set(-(TD_WG_P2 + TD_WG_Q2)), both = td_vec_set(TD_WG_P2 * TD_WG_Q2);
    td_vec even_p = m[1] + m[2], odd_p = p * (m[1] - m[2]);
    td_vec even_q = m[3] + m[4], odd_q = q * (m[3] - m[4]);
    to[0] = both * m[0];
    to[1] = td_vec_fma(q2, odd_p, td_vec_fma(p2, odd_q, both * m[5]));
    to[2] = td_vec_fma(q2, even_p, td_vec_fma(p2, even_q, sum * m[0]));
    to[3] = td_vec_fma(sum, m[5], odd_p + odd_q);
    to[4] = m[0] + (even_p + even_q);
    to[5] = m[5];
}

/* to[4] = Aᵀ m[6] */
TD_WG_INLINE void td_wg_step_a(const td_vec *m, td_vec *to) {
    td_vec even_p = m[1] + m[2], odd_p = m[1] - m[2];
    td_vec even_q = m[3] + m[4], odd_q = m[3] - m[4];
    to[0] = m[0] + (even_p + even_q);
    to[1] = td_vec_fma(td_vec_set(TD_WG_P), odd_p, td_vec_set(TD_WG_Q) * odd_q);
    to[2] = td_vec_fma(td_vec_set(TD_WG_P2), even_p, td_vec_set(TD_WG_Q2) * even_q);
    to[3] = td_vec_fma(td_vec_set(TD_WG_P3), odd_p, td_vec_fma(td_vec_set(TD_WG_Q3), odd_q, m[5]));
}

/* to[6] = A y[4] */
TD_WG_INLINE void td_wg_step_a_adjoint(const td_vec *y, td_vec *to) {
    const td_vec p = td_vec_set(TD_WG_P), q = td_vec_set(TD_WG_Q);
    to[0] = y[0];
    td_vec even = td_vec_fma(td_vec_set(TD_WG_P2), y[2], y[0]);
    td_vec odd = td_vec_fma(td_vec_set(TD_WG_P2), y[3], y[1]);
    to[1] = td_vec_fma(p, odd, even);
    to[2] = td_vec_fma(-p, odd, even);
    even = td_vec_fma(td_vec_set(TD_WG_Q2), y[2], y[0]);
    odd = td_vec_fma(td_vec_set(TD_WG_Q2), y[3], y[1]);
    to[3] = td_vec_fma(q, odd, even);
    to[4] = td_vec_fma(-q, odd, even);
    to[5] = y[3];
}

/* to[6] = G g[3] */
TD_WG_INLINE void td_wg_step_g(const td_vec *g, td_vec *to) {
    const td_vec at_p = td_vec_set(0.5f / (TD_WG_P2 * (TD_WG_P2 - TD_WG_Q2)));
    const td_vec at_q = td_vec_set(0.5f / (TD_WG_Q2 * (TD_WG_Q2 - TD_WG_P2)));
    to[0] = td_vec_set(1 / (TD_WG_P2 * TD_WG_Q2)) * g[0];
    td_vec even = td_vec_fma(td_vec_set(TD_WG_P2), g[2], g[0]), odd = td_vec_set(TD_WG_P) * g[1];
    to[1] = at_p * (even + odd);
    to[2] = at_p * (even - odd);
    even = td_vec_fma(td_vec_set(TD_WG_Q2), g[2], g[0]), odd = td_vec_set(TD_WG_Q) * g[1];
    to[3] = at_q * (even + odd);
    to[4] = at_q * (even - odd);
    to[5] = g[2];
}

/* to[3] = Gᵀ u[6] */
TD_WG_INLINE void td_wg_step_g_adjoint(const td_vec *u, td_vec *to) {
    const td_vec at_p = td_vec_set(0.5f / (TD_WG_P2 * (TD_WG_P2 - TD_WG_Q2)));
    const td_vec at_q = td_vec_set(0.5f / (TD_WG_Q2 * (TD_WG_Q2 - TD_WG_P2)));
    td_vec even_p = at_p * (u[1] + u[2]), odd_p = at_p * (u[1] - u[2]);
    td_vec even_q = at_q * (u[3] + u[4]), odd_q = at_q * (u[3] - u[4]);
    to[0] = td_vec_fma(td_vec_set(1 / (TD_WG_P2 * TD_WG_Q2)), u[0], even_p + even_q);
    to[1] = td_vec_fma(td_vec_set(TD_WG_P), odd_p, td_vec_set(TD_WG_Q) * odd_q);
    to[2] =
        td_vec_fma(td_vec_set(TD_WG_P2), even_p, td_vec_fma(td_vec_set(TD_WG_Q2), even_q, u[5]));
}

#endif
