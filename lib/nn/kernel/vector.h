/* SPDX-License-Identifier: MIT */
/* Vectors of as many floats as a register of the kernel's instruction set holds. Partial operations
 * neither read nor write the other lanes. */
#ifndef TD_NN_KERNEL_VECTOR_H
#define TD_NN_KERNEL_VECTOR_H

#include "nn/kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define TD_INLINE static inline __attribute__((always_inline))
/* Unrolls the short loop that follows, so that arrays of vectors become registers. Not with clang's
 * sanitizers: compiling the unrolled checks takes minutes. */
#if defined(__clang__)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TD_UNROLL
#else
#define TD_UNROLL _Pragma("clang loop unroll(full)")
#endif
#else
#define TD_UNROLL _Pragma("GCC unroll 12")
#endif

#if defined(__AVX512F__)
enum { TD_LANES = 16 };
#elif defined(__AVX2__) && defined(__FMA__)
enum { TD_LANES = 8 };
#else
enum { TD_LANES = 4 };
#endif
enum { TD_CACHE_LINE = 16 }; /* floats */

typedef float td_vec __attribute__((vector_size(TD_LANES * sizeof(float))));
typedef int td_vec_bits __attribute__((vector_size(TD_LANES * sizeof(float))));
typedef float td_vec_memory
    __attribute__((vector_size(TD_LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

TD_INLINE td_vec td_vec_load(const float *from) {
    return *(const td_vec_memory *)from;
}

TD_INLINE void td_vec_store(float *to, td_vec value) {
    *(td_vec_memory *)to = value;
}

/* The first `count` lanes; the others are 0. */
TD_INLINE td_vec td_vec_load_part(const float *from, size_t count) {
    float lanes[TD_LANES] = {0};
    memcpy(lanes, from, count * sizeof(float));
    return td_vec_load(lanes);
}

TD_INLINE void td_vec_store_part(float *to, td_vec value, size_t count) {
    float lanes[TD_LANES];
    td_vec_store(lanes, value);
    memcpy(to, lanes, count * sizeof(float));
}

TD_INLINE td_vec td_vec_set(float value) {
    return value - (td_vec){0};
}

/* a × b + c. C11 mode keeps the compiler from fusing the two, hence the intrinsics. */
TD_INLINE td_vec td_vec_fma(td_vec a, td_vec b, td_vec c) {
#if defined(__AVX512F__)
    return (td_vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__) && defined(__FMA__)
    return (td_vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (td_vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* td_clip of each lane. The order of the operands keeps a NaN. */
TD_INLINE td_vec td_vec_clip(td_bounds bounds, td_vec value) {
    const td_vec least = td_vec_set(bounds.least), most = td_vec_set(bounds.most);
#if defined(__AVX512F__)
    return (td_vec)_mm512_min_ps((__m512)most, _mm512_max_ps((__m512)least, (__m512)value));
#elif defined(__AVX2__) && defined(__FMA__)
    return (td_vec)_mm256_min_ps((__m256)most, _mm256_max_ps((__m256)least, (__m256)value));
#else
    const td_vec_bits below = value < least;
    value = (td_vec)(((td_vec_bits)value & ~below) | ((td_vec_bits)least & below));
    const td_vec_bits above = value > most;
    return (td_vec)(((td_vec_bits)value & ~above) | ((td_vec_bits)most & above));
#endif
}

/* The first lanes of a vector, as a mask made once for many loads and stores. */
#if defined(__AVX512F__)
typedef __mmask16 td_lane_mask;

TD_INLINE td_lane_mask td_first_lanes(size_t count) {
    return (td_lane_mask)((1u << count) - 1);
}

TD_INLINE td_vec td_vec_load_lanes(const float *from, td_lane_mask lanes) {
    return (td_vec)_mm512_maskz_loadu_ps(lanes, from);
}

TD_INLINE void td_vec_store_lanes(float *to, td_vec value, td_lane_mask lanes) {
    _mm512_mask_storeu_ps(to, lanes, (__m512)value);
}
#elif defined(__AVX2__) && defined(__FMA__)
typedef struct td_lane_mask {
    __m256i bits;
    bool whole;
} td_lane_mask;

TD_INLINE td_lane_mask td_first_lanes(size_t count) {
    return (td_lane_mask){_mm256_cmpgt_epi32(_mm256_set1_epi32((int)count),
                                             _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
                          count == TD_LANES};
}

TD_INLINE td_vec td_vec_load_lanes(const float *from, td_lane_mask lanes) {
    return (td_vec)_mm256_maskload_ps(from, lanes.bits);
}

/* Masked stores take a dozen cycles on AMD processors. */
TD_INLINE void td_vec_store_lanes(float *to, td_vec value, td_lane_mask lanes) {
    if (lanes.whole)
        td_vec_store(to, value);
    else
        _mm256_maskstore_ps(to, lanes.bits, (__m256)value);
}
#else
typedef size_t td_lane_mask;

TD_INLINE td_lane_mask td_first_lanes(size_t count) {
    return count;
}

TD_INLINE td_vec td_vec_load_lanes(const float *from, td_lane_mask lanes) {
    if (lanes == TD_LANES)
        return td_vec_load(from);
    return (td_vec){lanes > 0 ? from[0] : 0, lanes > 1 ? from[1] : 0, lanes > 2 ? from[2] : 0};
}

TD_INLINE void td_vec_store_lanes(float *to, td_vec value, td_lane_mask lanes) {
    if (lanes == TD_LANES) {
        td_vec_store(to, value);
        return;
    }
    for (size_t i = 0; i < lanes; i++)
        to[i] = value[i];
}
#endif

#endif
