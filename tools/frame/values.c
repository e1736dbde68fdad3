#include "frame/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

_Noreturn void tool_misuse(const struct argp_state *state, const char *format, ...) {
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    argp_failure(state, EXIT_USAGE, 0, "%s", message);
    exit(EXIT_USAGE);
}

size_t tool_count(const char *option, const char *text, size_t least, size_t most,
                  struct argp_state *state) {
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    /* strtoull takes blanks and signs, and turns -1 into its largest number. */
    bool digits = *text && text[strspn(text, "0123456789")] == '\0';
    if (digits && errno == 0 && value >= least && value <= most)
        return (size_t)value;
    if (most == SIZE_MAX)
        tool_misuse(state, "%s: expected a whole number of at least %zu, found \"%s\"", option,
                    least, text);
    tool_misuse(state, "%s: expected a whole number from %zu to %zu, found \"%s\"", option, least,
                most, text);
}

size_t tool_choice(const char *option, const char *text, const char *const *names,
                   struct argp_state *state) {
    char allowed[512];
    size_t used = 0;
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
        int length =
            snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", names[i]);
        if (length > 0 && used + (size_t)length < sizeof allowed)
            used += (size_t)length;
    }
    tool_misuse(state, "%s: expected one of %.*s, found \"%s\"", option, (int)used, allowed, text);
}
