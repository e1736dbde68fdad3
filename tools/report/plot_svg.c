/* What gnuplot's svg terminal writes, made part of a page. */
#include "report/plot.h"

#include "report/html.h"
#include <string.h>

/* What is replaced, wherever it stands; "@" in a replacement is the prefix. */
typedef struct exchange {
    const char *old, *new;
} exchange;

static const exchange exchanges[] = {
    {"id='", "id='@-"},
    {"id=\"", "id=\"@-"},
    {"href='#", "href='#@-"},
    {"url(#", "url(#@-"},
    {"'black'", "'currentColor'"},
    {"\"black\"", "\"currentColor\""},
    {"'white'", "'transparent'"}, /* rings around marks */
    {" font-family=\"sans-serif\"", ""},
    {"rgb(  0,   0,   1)", "var(--s1)"},
    {"rgb(  0,   0,   2)", "var(--s2)"},
    {"rgb(  0,   0,   3)", "var(--s3)"},
    {"rgb(  0,   0,   4)", "var(--s4)"},
    {"rgb(  0,   0,   5)", "var(--s5)"},
    {"rgb(  0,   0,   6)", "var(--s6)"},
    {"rgb(  0,   0,  10)", "var(--axis)"},
    {"rgb(0,0,10)", "currentColor"},
    {"rgb(  0,   0,  11)", "var(--grid)"},
    {"rgb(  0,   0,  12)", "var(--line)"},
};

static const exchange *find_exchange(const char *at, size_t left) {
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        size_t length = strlen(exchanges[i].old);
        if (length <= left && memcmp(at, exchanges[i].old, length) == 0)
            return &exchanges[i];
    }
    return NULL;
}

static void put_replacement(FILE *out, const char *text, const char *prefix) {
    for (; *text; text++)
        if (*text == '@')
            fputs(prefix, out);
        else
            fputc(*text, out);
}

/* Where `text` begins in [at, end), or NULL. */
static const char *find(const char *at, const char *end, const char *text) {
    size_t length = strlen(text);
    for (; (size_t)(end - at) >= length; at++)
        if (memcmp(at, text, length) == 0)
            return at;
    return NULL;
}

/* Behind the title that begins here, if one does: gnuplot names its series by their scripts. */
static const char *skip_title(const char *at, const char *end) {
    if ((size_t)(end - at) < 7 || memcmp(at, "<title>", 7) != 0)
        return at;
    const char *close = find(at, end, "</title>");
    return close ? close + 8 : at;
}

/* Nothing that runs or is fetched. */
static bool is_plain(const char *at, const char *end) {
    return !find(at, end, "<script") && !find(at, end, "<image") && !find(at, end, "http:") &&
           !find(at, end, "<foreignObject");
}

bool plot_inline(FILE *out, const char *svg, size_t size, const char *prefix, const char *label) {
    const char *end = svg + size, *at = find(svg, end, "</desc>");
    if (!at || !(end = find(at, end, "</svg>")) || !is_plain(at, end))
        return false;
    at += 7;
    fputs("<svg class=\"plot\" viewBox=\"0 0 440 280\" width=\"440\" height=\"280\" role=\"img\" "
          "aria-label=\"",
          out);
    html_text(out, label);
    fputs("\">", out);
    while (at < end) {
        const char *next = skip_title(at, end);
        const exchange *found = next == at ? find_exchange(at, (size_t)(end - at)) : NULL;
        if (found) {
            put_replacement(out, found->new, prefix);
            next = at + strlen(found->old);
        } else if (next == at) {
            fputc(*next++, out);
        }
        at = next;
    }
    fputs("</svg>\n", out);
    return true;
}
