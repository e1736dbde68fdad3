#include "report/html.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

enum { JSON_DEPTH = 4, JSON_ITEMS = 12 };

/* Length of the UTF-8 character that `bytes` begins with, and its number; 0 if it is none. */
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

/* Control characters, and those that hide text or turn its direction. */
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

void html_prose(FILE *out, const char *text) {
    put_text(out, text, HTML_PROSE_MOST);
}

void html_number(FILE *out, double value) {
    if (!isfinite(value))
        fputs("–", out);
    else if (value == floor(value) && fabs(value) < 1e9)
        fprintf(out, "%.0f", value);
    else
        fprintf(out, "%.4g", value);
}

static void put_items(FILE *out, const json_t *value, size_t depth);

static void put_value(FILE *out, const json_t *value, size_t depth) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        html_text(out, json_string_value(value));
        break;
    case JSON_INTEGER:
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        fprintf(out, "%.6g", json_real_value(value));
        break;
    case JSON_TRUE:
        fputs("yes", out);
        break;
    case JSON_FALSE:
        fputs("no", out);
        break;
    case JSON_NULL:
        fputs("none", out);
        break;
    default:
        if (depth == 0)
            fputs("…", out);
        else
            put_items(out, value, depth - 1);
    }
}

static void put_items(FILE *out, const json_t *value, size_t depth) {
    size_t i = 0, count = json_is_array(value) ? json_array_size(value) : json_object_size(value);
    const char *key;
    json_t *item;
    if (json_is_array(value)) {
        for (; i < count && i < JSON_ITEMS; i++) {
            fputs(i > 0 ? ", " : "", out);
            put_value(out, json_array_get(value, i), depth);
        }
    } else {
        json_object_foreach((json_t *)value, key, item) {
            if (i == JSON_ITEMS)
                break;
            fputs(i++ > 0 ? ", " : "", out);
            html_text(out, key);
            fputc(' ', out);
            put_value(out, item, depth);
        }
    }
    if (i < count)
        fprintf(out, ", … (%zu in all)", count);
    if (count == 0)
        fputs("none", out);
}

void html_json(FILE *out, const json_t *value) {
    if (value)
        put_value(out, value, JSON_DEPTH);
}

void html_label(FILE *out, const char *key) {
    static const char *const names[][2] = {
        {"asr", "ASR"},
        {"auroc", "AUROC"},
        {"frr", "FRR"},
        {"far", "FAR"},
        {"der", "DER"},
        {"mad", "MAD"},
        {"non_targeted", "non-targeted"},
        {"l0", "L0 (pixels)"},
        {"l0_share", "L0 (share of the pixels)"},
        {"l2", "L2"},
        {"linf", "L∞"},
        {"blas_core", "BLAS core"},
        {"lr", "learning rate"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(key, names[i][0]) == 0) {
            fputs(names[i][1], out);
            return;
        }
    char words[64];
    size_t length = 0;
    for (; key[length] && length < sizeof words - 1; length++)
        words[length] = key[length] == '_' ? ' ' : key[length];
    words[length] = '\0';
    html_text(out, words);
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

static const json_t *get_pair(const json_t *object, const char *key, const char *ending) {
    char name[128];
    int length = snprintf(name, sizeof name, "%s%s", key, ending);
    const json_t *pair =
        length < 0 || (size_t)length >= sizeof name ? NULL : json_object_get(object, name);
    return json_array_size(pair) == 2 && json_is_number(json_array_get(pair, 0)) &&
                   json_is_number(json_array_get(pair, 1))
               ? pair
               : NULL;
}

bool html_is_rate(const json_t *object, const char *key) {
    double value;
    return html_get(object, key, &value) && get_pair(object, key, "_interval");
}

/* A number, or a share in percent without the sign. */
static void put_share(FILE *out, double value, bool percent) {
    double shown = percent ? 100 * value : value;
    if (!isfinite(shown))
        fputs("–", out);
    else if (fabs(shown) < 1e6)
        fprintf(out, percent ? "%.2f" : "%.4f", shown);
    else
        fprintf(out, "%.4g", shown);
}

void html_percent(FILE *out, double share) {
    if (isfinite(100 * share))
        fprintf(out, "%.4g %%", 100 * share);
    else
        fputs("–", out);
}

void html_cell_percent(FILE *out, double share) {
    fputs("<td class=\"n\"", out);
    if (isfinite(share))
        fprintf(out, " data-v=\"%.9g\"", share);
    fputc('>', out);
    html_percent(out, share);
    fputs("</td>", out);
}

void html_rate(FILE *out, const json_t *object, const char *key) {
    double value;
    bool percent = get_pair(object, key, "_count") != NULL;
    if (!html_get(object, key, &value)) {
        fputs("–", out);
        return;
    }
    put_share(out, value, percent);
    fputs(percent ? " %" : "", out);
}

void html_cell(FILE *out, const char *text) {
    fputs("<td>", out);
    html_text(out, text);
    fputs("</td>", out);
}

void html_cell_number(FILE *out, const json_t *object, const char *key) {
    double value;
    if (!html_get(object, key, &value)) {
        fputs("<td class=\"n\">–</td>", out);
        return;
    }
    fprintf(out, "<td class=\"n\" data-v=\"%.9g\">", value);
    if (json_is_integer(json_object_get(object, key)))
        html_json(out, json_object_get(object, key));
    else
        html_number(out, value);
    fputs("</td>", out);
}

void html_cell_rate(FILE *out, const json_t *object, const char *key) {
    const json_t *interval = get_pair(object, key, "_interval"),
                 *count = get_pair(object, key, "_count");
    double value;
    if (!html_get(object, key, &value)) {
        fputs("<td class=\"n\">–</td>", out);
        return;
    }
    fprintf(out, "<td class=\"n\" data-v=\"%.9g\"", value);
    if (count)
        fprintf(out, " title=\"%.9g of %.9g\"", json_number_value(json_array_get(count, 0)),
                json_number_value(json_array_get(count, 1)));
    fputc('>', out);
    html_rate(out, object, key);
    if (interval) {
        fputs(" <span class=\"ci\">[", out);
        put_share(out, json_number_value(json_array_get(interval, 0)), count != NULL);
        fputs(", ", out);
        put_share(out, json_number_value(json_array_get(interval, 1)), count != NULL);
        fputs("]</span>", out);
    }
    fputs("</td>", out);
}

static void open_table(FILE *out, const char *caption) {
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
    html_text(out, caption);
    fputs("\"><table class=\"sort\"><caption>", out);
    html_text(out, caption);
    fputs("</caption><thead><tr>", out);
}

void html_table_open(FILE *out, const char *caption, const char *const *heads) {
    open_table(out, caption);
    for (; *heads; heads++) {
        bool number = **heads == '#';
        fprintf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
        html_label(out, *heads + number);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
}

void html_table_open_columns(FILE *out, const char *caption, const char *first,
                             const char *const *columns, size_t count) {
    open_table(out, caption);
    fprintf(out, "<th scope=\"col\">%s</th>", first);
    for (size_t i = 0; i < count; i++) {
        fputs("<th scope=\"col\" class=\"n\">", out);
        html_text(out, columns[i]);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
}

void html_table_close(FILE *out) {
    fputs("</tbody></table></div>\n", out);
}

void html_row_more(FILE *out, size_t shown, size_t count, size_t columns) {
    if (shown < count)
        fprintf(out,
                "</tbody><tfoot><tr><td colspan=\"%zu\">%zu more rows are left "
                "out.</td></tr></tfoot><tbody>\n",
                columns, count - shown);
}
