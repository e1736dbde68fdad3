/* SPDX-License-Identifier: MIT */
/* Little-endian numbers in files, at any alignment. */
#ifndef TD_MODEL_BYTES_H
#define TD_MODEL_BYTES_H

#include <stdint.h>

static inline uint32_t td_bytes_u16(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t td_bytes_u32(const uint8_t *at) {
    return td_bytes_u16(at) | td_bytes_u16(at + 2) << 16;
}

static inline uint64_t td_bytes_u64(const uint8_t *at) {
    return (uint64_t)td_bytes_u32(at) | (uint64_t)td_bytes_u32(at + 4) << 32;
}

#endif
