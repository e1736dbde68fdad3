/* SPDX-License-Identifier: MIT */
/* JPEG by libjpeg-turbo, with its standard settings: the slow exact inverse DCT and smooth
 * upsampling of colour, so that pixels match Pillow's. CMYK becomes RGB without a profile: each ink
 * absorbs its share of the light, and black of all three. Adobe's programs, which mark their files,
 * store inverted values. */
#include "data/picture.h"

#include "data/orientation.h"
#include <setjmp.h>
#include <stdio.h> /* required before jpeglib.h */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    /* A file of any size may repeat tiny scans of a large picture. Encoders write about a dozen. */
    MOST_SCANS = 100,
    BLOCKS_A_BYTE = 8, /* a block takes at least one bit */
    GREY = 1,
    RGB = 3,
    CMYK = 4,
    EXIF_MARKER = JPEG_APP0 + 1,
    LONGEST_SEGMENT = 65535,
};

/* One JPEG being read. It is allocated outside the function that calls setjmp, so that its fields
 * stay defined after longjmp. */
typedef struct decoder {
    struct jpeg_decompress_struct jpeg; /* client_data is the decoder */
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    uint8_t *inks; /* a row of CMYK; NULL for other colours */
    td_status status;
    td_error *error;
} decoder;

static _Noreturn void on_error(j_common_ptr jpeg) {
    decoder *d = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    d->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY
                    ? td_fail_memory(d->error, "the JPEG reader")
                    : td_fail(d->error, TD_ERR_FORMAT, "%s", message);
    longjmp(d->escape, 1);
}

/* libjpeg only warns about damage (a negative level), and then makes up pixels. */
static void on_message(j_common_ptr jpeg, int level) {
    decoder *d = jpeg->client_data;
    if (level >= 0)
        return;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    d->status = td_fail(d->error, TD_ERR_FORMAT, "expected sound data, found: %s", message);
    longjmp(d->escape, 1);
}

static void on_progress(j_common_ptr jpeg) {
    decoder *d = jpeg->client_data;
    if (d->jpeg.input_scan_number <= MOST_SCANS)
        return;
    d->status =
        td_fail(d->error, TD_ERR_FORMAT, "expected at most %d scans, found more", MOST_SCANS);
    longjmp(d->escape, 1);
}

/* Refuses a small file that claims a large picture: every block of a component takes at least one
 * bit. */
static td_status check_plausible(const decoder *d, size_t size) {
    const struct jpeg_decompress_struct *jpeg = &d->jpeg;
    size_t blocks = 0; /* at most 10 components of 2^11 x 2^11 */
    for (int i = 0; i < jpeg->num_components; i++)
        blocks += (size_t)jpeg->comp_info[i].width_in_blocks * jpeg->comp_info[i].height_in_blocks;
    if (blocks / BLOCKS_A_BYTE > size)
        return td_fail(d->error, TD_ERR_FORMAT,
                       "size: expected at most %d blocks for each of the %zu bytes of the file, "
                       "found %zu for %ux%u pixels",
                       BLOCKS_A_BYTE, size, blocks, jpeg->image_width, jpeg->image_height);
    return TD_OK;
}

/* Chooses grey, RGB or CMYK. */
static td_status choose_colours(decoder *d) {
    switch (d->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        d->jpeg.out_color_space = JCS_GRAYSCALE;
        return TD_OK;
    case JCS_YCbCr:
    case JCS_RGB:
        d->jpeg.out_color_space = JCS_RGB;
        return TD_OK;
    case JCS_CMYK:
    case JCS_YCCK:
        d->jpeg.out_color_space = JCS_CMYK;
        return TD_OK;
    default:
        return td_fail(d->error, TD_ERR_FORMAT,
                       "colour space: expected grey, YCbCr, RGB, CMYK or YCCK, found an unknown "
                       "one with %d components",
                       d->jpeg.num_components);
    }
}

static td_status check_header(decoder *d, size_t size) {
    TD_TRY(td_bitmap_check(d->jpeg.image_width, d->jpeg.image_height, d->error));
    if (d->jpeg.arith_code) /* rare, and one bit of it may encode any number of blocks */
        return td_fail(d->error, TD_ERR_FORMAT,
                       "coding: expected Huffman coding, found arithmetic coding");
    TD_TRY(choose_colours(d));
    return check_plausible(d, size);
}

/* The first segment of EXIF data; other data use the same segment type. */
static td_status read_orientation(const decoder *d, unsigned *out) {
    static const char mark[] = "Exif\0";
    *out = 0;
    for (const struct jpeg_marker_struct *m = d->jpeg.marker_list; m; m = m->next)
        if (m->data_length >= sizeof mark && memcmp(m->data, mark, sizeof mark) == 0)
            return td_orientation_read(out, m->data, m->data_length, d->error);
    return TD_OK;
}

static uint8_t light_left(unsigned without_ink, unsigned without_black) {
    return (uint8_t)((without_ink * without_black + 127) / 255);
}

/* Converts a row of CMYK to RGB. */
static void mix_inks(const decoder *d, size_t width, uint8_t *out) {
    const unsigned flip = d->jpeg.saw_Adobe_marker ? 0 : 255;
    for (const uint8_t *ink = d->inks, *end = ink + CMYK * width; ink < end; ink += CMYK)
        for (size_t c = 0; c < RGB; c++)
            *out++ = light_left(ink[c] ^ flip, ink[RGB] ^ flip);
}

static td_status read_rows(decoder *d, td_bitmap *bitmap) {
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (bitmap->cmyk) {
        d->inks = malloc(bitmap->width * CMYK);
        if (!d->inks)
            return td_fail_memory(d->error, "a row of a picture");
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *out = bitmap->pixels + jpeg->output_scanline * bitmap->width * bitmap->channels;
        JSAMPROW row = d->inks ? d->inks : out;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (d->inks)
            mix_inks(d, bitmap->width, out);
    }
    return TD_OK;
}

static td_status decode_into(decoder *d, td_bitmap *bitmap, const uint8_t *bytes, size_t size) {
    unsigned orientation;
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->escape))
        return d->status;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, bytes, size);
    jpeg_save_markers(jpeg, EXIF_MARKER, LONGEST_SEGMENT);
    jpeg_read_header(jpeg, TRUE);
    TD_TRY(check_header(d, size));
    TD_TRY(read_orientation(d, &orientation));
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    TD_TRY(td_bitmap_make(bitmap, jpeg->output_width, jpeg->output_height,
                          jpeg->out_color_space == JCS_GRAYSCALE ? GREY : RGB, d->error));
    bitmap->orientation = orientation;
    bitmap->cmyk = jpeg->out_color_space == JCS_CMYK;
    TD_TRY(read_rows(d, bitmap));
    jpeg_finish_decompress(jpeg); /* reads up to the end marker, which must exist */
    return TD_OK;
}

static td_status decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    decoder d = {.error = error};
    d.jpeg.err = jpeg_std_error(&d.manager);
    d.jpeg.client_data = &d;
    d.manager.error_exit = on_error;
    d.manager.emit_message = on_message;
    d.progress.progress_monitor = on_progress;
    td_status status = decode_into(&d, bitmap, bytes, size);
    jpeg_destroy_decompress(&d.jpeg);
    free(d.inks);
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static const char *const endings[] = {".jpg", ".jpeg", ".jpe", ".jfif", NULL};

const td_codec td_codec_jpeg = {
    .name = "JPEG",
    .reads = "sequential and progressive; grey, YCbCr, RGB, CMYK and YCCK; EXIF orientation",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
