/* SPDX-License-Identifier: MIT */
#include "zip_support.h"

#include <string.h>
#include <zlib.h>

static void put(zip_bytes *z, uint64_t number, size_t width) {
    assert_true(z->size + width <= ZIP_ROOM);
    for (size_t i = 0; i < width; i++)
        z->bytes[z->size++] = i < sizeof number ? (uint8_t)(number >> 8 * i) : 0;
}

static void put_bytes(zip_bytes *z, const void *bytes, size_t size) {
    assert_true(z->size + size <= ZIP_ROOM);
    if (size > 0)
        memcpy(z->bytes + z->size, bytes, size);
    z->size += size;
}

static uint32_t checksum(const zip_part *part) {
    return part->crc ? part->crc : (uint32_t)crc32_z(0, part->data, part->size);
}

static size_t claimed(const zip_part *part) {
    return part->claimed ? part->claimed : part->size;
}

static unsigned flags(const zip_part *part) {
    return part->flags ? part->flags : part->sizes ? 0x800 : 0x808;
}

static void put_local(zip_bytes *z, const zip_part *part) {
    const char *name = part->local_name ? part->local_name : part->name;
    put(z, 0x04034b50, 4);
    put(z, 0, 2);
    put(z, part->local_flags ? part->local_flags : flags(part), 2);
    put(z, part->method, 2);
    put(z, 0, 4);
    put(z, part->sizes ? checksum(part) : 0, 4);
    put(z, part->sizes ? part->size : 0, 4);
    put(z, part->sizes ? part->size : 0, 4);
    put(z, strlen(name), 2);
    put(z, 0, 2);
    put_bytes(z, name, strlen(name));
    put_bytes(z, part->data, part->size);
    if (part->sizes)
        return;
    put(z, 0x08074b50, 4);
    put(z, checksum(part), 4);
    put(z, claimed(part), 4);
    put(z, claimed(part), 4);
}

static void put_entry(zip_bytes *z, const zip_part *part, size_t place) {
    put(z, 0x02014b50, 4);
    put(z, 0, 4);
    put(z, flags(part), 2);
    put(z, part->method, 2);
    put(z, 0, 4);
    put(z, checksum(part), 4);
    put(z, claimed(part), 4);
    put(z, claimed(part), 4);
    put(z, strlen(part->name), 2);
    put(z, 0, 12);
    put(z, place, 4);
    put_bytes(z, part->name, strlen(part->name));
}

void zip_make(zip_bytes *z, const zip_part *parts) {
    size_t places[ZIP_MOST] = {0}, count = 0;
    z->size = 0;
    for (; parts[count].name; count++) {
        put(z, 0, parts[count].gap);
        places[count] = parts[count].again ? places[count - 1] : z->size;
        if (!parts[count].again)
            put_local(z, &parts[count]);
    }
    const size_t directory = z->size;
    for (size_t i = 0; i < count; i++)
        put_entry(z, &parts[i], places[i]);
    const size_t size = z->size - directory;
    put(z, 0x06054b50, 4);
    put(z, 0, 4);
    put(z, count, 2);
    put(z, count, 2);
    put(z, size, 4);
    put(z, directory, 4);
    put(z, 0, 2);
}
