#include "base/sha256.h"

#include "base/file.h"
#include <nettle/base16.h>
#include <nettle/sha2.h>

td_digest td_sha256(const void *data, size_t size) {
    struct sha256_ctx context;
    uint8_t bytes[SHA256_DIGEST_SIZE];
    td_digest digest;
    sha256_init(&context);
    sha256_update(&context, size, data);
    sha256_digest(&context, sizeof bytes, bytes);
    base16_encode_update(digest.hex, sizeof bytes, bytes);
    digest.hex[64] = '\0';
    return digest;
}

td_status td_sha256_file(const char *path, td_digest *out, td_error *error) {
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    *out = td_sha256(map.data, map.size);
    td_map_close(&map);
    return TD_OK;
}
