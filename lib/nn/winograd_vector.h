/* The vector of the Winograd code: as many floats as one register of the target processor holds. */
#ifndef TD_NN_WINOGRAD_VECTOR_H
#define TD_NN_WINOGRAD_VECTOR_H

#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

#define TD_WG_INLINE static inline __attribute__((always_inline))
/* Unrolls the short loop that follows, so that arrays of vectors become registers. */
#if defined(__clang__)
#define TD_WG_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TD_WG_UNROLL _Pragma("GCC unroll 12")
#endif

#if defined(__AVX512F__)
enum { TD_WG_LANES = 16, TD_WG_ROWS = 12 };
#elif defined(__AVX2__) && defined(__FMA__)
enum { TD_WG_LANES = 8, TD_WG_ROWS = 6 };
#else
enum { TD_WG_LANES = 4, TD_WG_ROWS = 6 };
#endif
/* A product fills ROWS × PANEL accumulators: what the registers hold beside its operands. */
enum { TD_WG_PANEL = 2 * TD_WG_LANES };

typedef float td_vec __attribute__((vector_size(TD_WG_LANES * sizeof(float))));
typedef int td_vec_bits __attribute__((vector_size(TD_WG_LANES * sizeof(float))));
typedef float td_vec_memory
    __attribute__((vector_size(TD_WG_LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

TD_WG_INLINE td_vec td_vec_load(const float *from) {
    return *(const td_vec_memory *)from;
}

TD_WG_INLINE void td_vec_store(float *to, td_vec value) {
    *(td_vec_memory *)to = value;
}

/* The first `count` lanes; the others are 0. */
TD_WG_INLINE td_vec td_vec_load_part(const float *from, size_t count) {
    float lanes[TD_WG_LANES] = {0};
    memcpy(lanes, from, count * sizeof(float));
    return td_vec_load(lanes);
}

TD_WG_INLINE void td_vec_store_part(float *to, td_vec value, size_t count) {
    float lanes[TD_WG_LANES];
    td_vec_store(lanes, value);
    memcpy(to, lanes, count * sizeof(float));
}

TD_WG_INLINE td_vec td_vec_set(float value) {
    return value - (td_vec){0};
}

/* a × b + c. C11 mode keeps the compiler from fusing the two, hence the intrinsics. */
TD_WG_INLINE td_vec td_vec_fma(td_vec a, td_vec b, td_vec c) {
#if defined(__AVX512F__)
    return (td_vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__) && defined(__FMA__)
    return (td_vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* `value` where `gate` is positive or NaN, else 0: ReLU, and its gradient. */
TD_WG_INLINE td_vec td_vec_gate(td_vec value, td_vec gate) {
    return (td_vec)((td_vec_bits)value & ~(td_vec_bits)(gate <= (td_vec){0}));
}

#endif
