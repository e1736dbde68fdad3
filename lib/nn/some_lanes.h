/* Loads and stores of the first lanes of a vector: nothing behind them is read or written. */
#ifndef TD_NN_SOME_LANES_H
#define TD_NN_SOME_LANES_H

#include "nn/winograd_vector.h"

#if defined(__AVX512F__)
typedef __mmask16 td_some_lanes;

TD_WG_INLINE td_some_lanes td_first_lanes(size_t count) {
    return (td_some_lanes)((1u << count) - 1);
}

TD_WG_INLINE td_vec td_vec_load_lanes(const float *from, td_some_lanes lanes) {
    return (td_vec)_mm512_maskz_loadu_ps(lanes, from);
}

TD_WG_INLINE void td_vec_store_lanes(float *to, td_vec value, td_some_lanes lanes) {
    _mm512_mask_storeu_ps(to, lanes, (__m512)value);
}
#elif defined(__AVX2__) && defined(__FMA__)
typedef __m256i td_some_lanes;

TD_WG_INLINE td_some_lanes td_first_lanes(size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

TD_WG_INLINE td_vec td_vec_load_lanes(const float *from, td_some_lanes lanes) {
    return (td_vec)_mm256_maskload_ps(from, lanes);
}

TD_WG_INLINE void td_vec_store_lanes(float *to, td_vec value, td_some_lanes lanes) {
    _mm256_maskstore_ps(to, lanes, (__m256)value);
}
#else
typedef size_t td_some_lanes;

TD_WG_INLINE td_some_lanes td_first_lanes(size_t count) {
    return count;
}

TD_WG_INLINE td_vec td_vec_load_lanes(const float *from, td_some_lanes lanes) {
    return td_vec_load_part(from, lanes);
}

TD_WG_INLINE void td_vec_store_lanes(float *to, td_vec value, td_some_lanes lanes) {
    td_vec_store_part(to, value, lanes);
}
#endif

#endif
