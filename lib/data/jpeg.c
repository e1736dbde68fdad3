/* JPEG by libjpeg-turbo, with its standard settings: the slow exact inverse DCT and smooth
 * upsampling of colour, so that pixels are those that Pillow gives. */
#include "data/picture.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it before */
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    /* A file of any size may repeat tiny scans of a large picture. Encoders write about a dozen. */
    MOST_SCANS = 100,
    BLOCKS_A_BYTE = 8, /* no block has less than one bit */
    GREY = 1,
    RGB = 3,
};

/* One JPEG being read. It lives outside the function that setjmp returns into, so that longjmp
 * leaves its fields defined. */
typedef struct decoder {
    struct jpeg_decompress_struct jpeg; /* client_data is the decoder */
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
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

/* libjpeg only warns of damage (a negative level), and makes pixels up from there. */
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

/* Refuses a small file that claims to be a large picture: every component's blocks are coded in at
 * least one bit each. */
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

/* Chooses grey or RGB. */
static td_status choose_colours(decoder *d) {
    static const char *const names[] = {
        [JCS_UNKNOWN] = "an unknown one", [JCS_CMYK] = "CMYK", [JCS_YCCK] = "YCCK"};
    switch (d->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        d->jpeg.out_color_space = JCS_GRAYSCALE;
        return TD_OK;
    case JCS_YCbCr:
    case JCS_RGB:
        d->jpeg.out_color_space = JCS_RGB;
        return TD_OK;
    default:
        return td_fail(d->error, TD_ERR_FORMAT,
                       "colour space: expected grey, YCbCr or RGB, found %s with %d components",
                       names[d->jpeg.jpeg_color_space], d->jpeg.num_components);
    }
}

static td_status check_header(decoder *d, size_t size) {
    TD_TRY(td_bitmap_check(d->jpeg.image_width, d->jpeg.image_height, d->error));
    if (d->jpeg.arith_code) /* Rare, and a bit of it may be any number of blocks. */
        return td_fail(d->error, TD_ERR_FORMAT,
                       "coding: expected Huffman coding, found arithmetic coding");
    TD_TRY(choose_colours(d));
    return check_plausible(d, size);
}

static td_status decode_into(decoder *d, td_bitmap *bitmap, const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->escape))
        return d->status;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, bytes, size);
    jpeg_read_header(jpeg, TRUE);
    TD_TRY(check_header(d, size));
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    TD_TRY(td_bitmap_make(bitmap, jpeg->output_width, jpeg->output_height,
                          jpeg->out_color_space == JCS_RGB ? RGB : GREY, d->error));
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = bitmap->pixels + jpeg->output_scanline * bitmap->width * bitmap->channels;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg); /* reads on to the end marker, which must be there */
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
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

static bool recognise(const uint8_t *bytes, size_t size) {
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static const char *const endings[] = {".jpg", ".jpeg", NULL};

const td_codec td_codec_jpeg = {
    .name = "JPEG",
    .endings = endings,
    .recognise = recognise,
    .decode = decode,
};
