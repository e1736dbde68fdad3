/* SPDX-License-Identifier: MIT */
#include "report/html.h"

#include <math.h>
#include <nettle/base64.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* Length and code point of the UTF-8 character at `bytes`; 0 if it is invalid. */
static size_t read_character(const unsigned char *bytes, uint32_t *number) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = bytes[0] < 0x80             ? 1
                    : (bytes[0] & 0xE0) == 0xC0 ? 2
                    : (bytes[0] & 0xF0) == 0xE0 ? 3
                    : (bytes[0] & 0xF8) == 0xF0 ? 4
                                                : 0;
    if (length == 0)
        return 0;
    *number = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        *number = *number << 6 | (bytes[i] & 0x3F);
    }
    bool surrogate = *number >= 0xD800 && *number <= 0xDFFF;
    return *number < least[length] || *number > 0x10FFFF || surrogate ? 0 : length;
}

/* Control characters, and those that hide text or change its direction. */
static bool is_hidden(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
           (c & 0xFFFE) == 0xFFFE;
}

static void put_character(FILE *out, const unsigned char *bytes, size_t length) {
    switch (bytes[0]) {
    case '&':
        fputs("&amp;", out);
        break;
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    case '\'':
        fputs("&#39;", out);
        break;
    default:
        fwrite(bytes, 1, length, out);
    }
}

static void put_text(FILE *out, const char *text, size_t most) {
    const unsigned char *next = (const unsigned char *)(text ? text : "");
    for (size_t shown = 0; *next;) {
        uint32_t number = 0;
        size_t length = read_character(next, &number);
        if (shown + length > most) {
            fputs("…", out);
            return;
        }
        if (length == 0 || is_hidden(number))
            fputs(REPLACEMENT, out);
        else
            put_character(out, next, length);
        length = length ? length : 1;
        shown += length;
        next += length;
    }
}

void html_text(FILE *out, const char *text) {
    put_text(out, text, HTML_TEXT_MOST);
}

void html_put(FILE *out, const char *before, const char *text, const char *after) {
    fputs(before, out);
    html_text(out, text);
    fputs(after, out);
}

void html_prose(FILE *out, const char *text) {
    put_text(out, text, HTML_PROSE_MOST);
}

void html_label(char out[HTML_LABEL_SIZE], const char *key) {
    static const char *const names[][2] = {
        {"asr", "ASR"},
        {"auroc", "AUROC"},
        {"frr", "FRR"},
        {"far", "FAR"},
        {"der", "DER"},
        {"mad", "MAD"},
        {"psnr", "PSNR (dB)"},
        {"ssim", "SSIM"},
        {"non_targeted", "non-targeted"},
        {"l0", "L0 (pixels)"},
        {"l0_share", "L0 (share of the pixels)"},
        {"l2", "L2"},
        {"linf", "L∞"},
        {"blas_core", "BLAS core"},
        {"blas_cores", "BLAS cores"},
        {"lr", "learning rate"},
        {"sha256", "SHA-256"},
    };
    const char *blank = strrchr(key, ' '), *last = blank ? blank + 1 : key;
    const char *word = last;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(last, names[i][0]) == 0)
            word = names[i][1];
    snprintf(out, HTML_LABEL_SIZE, "%.*s%s", (int)(last - key), key, word);
    for (char *at = out; *at; at++)
        if (*at == '_')
            *at = ' ';
}

bool html_get(const json_t *object, const char *key, double *number) {
    const json_t *value = json_object_get(object, key);
    *number = json_is_number(value) ? json_number_value(value) : NAN;
    return isfinite(*number);
}

const char *html_get_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

bool html_ends(const char *name, const char *ending) {
    const size_t length = strlen(name), least = strlen(ending);
    return length > least && strcmp(name + length - least, ending) == 0;
}

const char *html_base(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

void html_base64(FILE *out, const uint8_t *bytes, size_t size) {
    enum { GROUP = 3 << 10 }; /* bytes encoded at a time */
    char text[BASE64_ENCODE_RAW_LENGTH(GROUP)];
    for (size_t i = 0; i < size; i += GROUP) {
        const size_t part = size - i < GROUP ? size - i : GROUP;
        base64_encode_raw(text, part, bytes + i);
        fwrite(text, 1, BASE64_ENCODE_RAW_LENGTH(part), out);
    }
}
