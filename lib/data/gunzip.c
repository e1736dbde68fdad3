/* SPDX-License-Identifier: MIT */
#include "data/gunzip.h"

#include "base/size.h"

enum {
    GZIP_WINDOW = 15 + 16,   /* the largest window; 16: gzip's header and checksum */
    LARGEST_PIECE = 1 << 30, /* zlib's counters have 32 bits */
};

td_status td_gunzip_start(td_gunzip *gunzip, const uint8_t *data, size_t size, td_error *error) {
    *gunzip = (td_gunzip){.data = data, .size = size};
    if (inflateInit2(&gunzip->stream, GZIP_WINDOW) != Z_OK)
        return td_fail_memory(error, "decompression");
    return TD_OK;
}

/* Decompresses up to `size` bytes; *got is less only at the end of the stream. */
static td_status inflate_up_to(td_gunzip *gunzip, uint8_t *out, size_t size, size_t *got,
                               td_error *error) {
    z_stream *stream = &gunzip->stream;
    *got = 0;
    while (*got < size && !gunzip->ended) {
        if (stream->avail_in == 0) {
            size_t piece = td_size_min(gunzip->size - gunzip->used, LARGEST_PIECE);
            stream->next_in = (z_const Bytef *)(gunzip->data + gunzip->used);
            stream->avail_in = (uInt)piece;
            gunzip->used += piece;
        }
        size_t room = td_size_min(size - *got, LARGEST_PIECE);
        stream->next_out = out + *got;
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_NO_FLUSH);
        *got += room - stream->avail_out;
        if (result == Z_BUF_ERROR)
            return td_fail(error, TD_ERR_FORMAT,
                           "gzip: expected more compressed data, found the end of the file");
        if (result == Z_MEM_ERROR)
            return td_fail_memory(error, "decompression");
        if (result != Z_OK && result != Z_STREAM_END)
            return td_fail(error, TD_ERR_FORMAT, "gzip: expected sound compressed data, found: %s",
                           stream->msg ? stream->msg : "a preset dictionary");
        gunzip->ended = result == Z_STREAM_END;
    }
    return TD_OK;
}

td_status td_gunzip_read(td_gunzip *gunzip, void *out, size_t size, td_error *error) {
    size_t got;
    TD_TRY(inflate_up_to(gunzip, out, size, &got, error));
    if (got < size)
        return td_fail(error, TD_ERR_FORMAT, "gzip: expected %zu more bytes of content, found %zu",
                       size, got);
    return TD_OK;
}

td_status td_gunzip_finish(td_gunzip *gunzip, td_error *error) {
    uint8_t extra;
    size_t got;
    TD_TRY(inflate_up_to(gunzip, &extra, 1, &got, error));
    if (got > 0)
        return td_fail(error, TD_ERR_FORMAT, "gzip: expected the end of the content, found more");
    size_t left = gunzip->size - gunzip->used + gunzip->stream.avail_in;
    if (left > 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "gzip: expected the end of the file after one compressed stream, found %zu "
                       "more bytes",
                       left);
    return TD_OK;
}

void td_gunzip_close(td_gunzip *gunzip) {
    inflateEnd(&gunzip->stream);
    *gunzip = (td_gunzip){0};
}
