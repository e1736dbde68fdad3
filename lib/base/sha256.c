/* SPDX-License-Identifier: MIT */
#include "base/sha256.h"

#include <errno.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <string.h>
#include <unistd.h>

static td_digest finish(struct sha256_ctx *context) {
    uint8_t bytes[SHA256_DIGEST_SIZE];
    td_digest digest;
    sha256_digest(context, sizeof bytes, bytes);
    base16_encode_update(digest.hex, sizeof bytes, bytes);
    digest.hex[64] = '\0';
    return digest;
}

td_digest td_sha256(const void *data, size_t size) {
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, size, data);
    return finish(&context);
}

/* Read, not mapped: if the file shrinks, that is an end of file and not a signal. */
static td_status digest_content(int file, const char *name, td_digest *out, td_error *error) {
    struct sha256_ctx context;
    uint8_t block[1 << 16];
    off_t place = 0;
    ssize_t count;
    sha256_init(&context);
    while ((count = pread(file, block, sizeof block, place)) != 0) {
        if (count < 0 && errno != EINTR)
            return td_fail(error, TD_ERR_IO, "%s: %s", name, strerror(errno));
        if (count > 0) {
            sha256_update(&context, (size_t)count, block);
            place += count;
        }
    }
    *out = finish(&context);
    return TD_OK;
}

td_status td_sha256_descriptor(int file, const char *name, td_digest *out, td_file_stamp *stamp,
                               td_error *error) {
    *stamp = td_file_stamp_of_descriptor(file);
    TD_TRY(digest_content(file, name, out, error));
    const td_file_stamp after = td_file_stamp_of_descriptor(file);
    return td_file_stamp_is_same(stamp, &after) ? TD_OK : td_fail_changed(error, name);
}

td_status td_sha256_stamped(const char *path, td_digest *out, td_file_stamp *stamp,
                            td_error *error) {
    int file;
    size_t size;
    TD_TRY(td_file_open(&file, &size, path, error));
    const td_status status = td_sha256_descriptor(file, path, out, stamp, error);
    close(file);
    return status;
}

td_status td_sha256_file(const char *path, td_digest *out, td_error *error) {
    td_file_stamp stamp;
    return td_sha256_stamped(path, out, &stamp, error);
}
