/* SPDX-License-Identifier: MIT */
/* WebP by libwebp: lossy and lossless, one picture per file. */
#include "data/picture.h"

#include "data/orientation.h"
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

enum { RGB = 3, RGBA = 4 };

static td_status read_orientation(unsigned *out, const uint8_t *bytes, size_t size,
                                  td_error *error) {
    const WebPData file = {bytes, size};
    WebPChunkIterator chunk;
    td_status status = TD_OK;
    *out = 0;
    WebPDemuxer *demuxer = WebPDemux(&file);
    if (demuxer && WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        status = td_orientation_read(out, chunk.chunk.bytes, chunk.chunk.size, error);
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(demuxer);
    return status;
}

static td_status check(WebPBitstreamFeatures *features, const uint8_t *bytes, size_t size,
                       td_error *error) {
    if (WebPGetFeatures(bytes, size, features) != VP8_STATUS_OK)
        return td_fail(error, TD_ERR_FORMAT, "expected a sound header, found a damaged one");
    if (features->has_animation)
        return td_fail(error, TD_ERR_FORMAT, "expected one picture, found an animation");
    return td_bitmap_check_packed((size_t)features->width, (size_t)features->height, size, error);
}

static td_status decode_into(td_bitmap *bitmap, const uint8_t *bytes, size_t size,
                             td_error *error) {
    WebPBitstreamFeatures features;
    TD_TRY(check(&features, bytes, size, error));
    const size_t channels = features.has_alpha ? RGBA : RGB;
    TD_TRY(
        td_bitmap_make(bitmap, (size_t)features.width, (size_t)features.height, channels, error));
    TD_TRY(read_orientation(&bitmap->orientation, bytes, size, error));
    const size_t stride = bitmap->width * channels;
    const uint8_t *pixels = (features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto)(
        bytes, size, bitmap->pixels, stride * bitmap->height, (int)stride);
    return pixels ? TD_OK
                  : td_fail(error, TD_ERR_FORMAT, "expected sound data, found damaged or cut data");
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    td_status status = decode_into(bitmap, bytes, size, error);
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

static const char *const endings[] = {".webp", NULL};

const td_codec td_codec_webp = {
    .name = "WebP",
    .reads = "lossy and lossless, with alpha; EXIF orientation; no animations",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
