/* A class as the user calls it: by its name, or by its index. */
#include "command.h"

#include <stdbool.h>
#include <string.h>

/* `text` is untrusted and long at times; the digits of any index are few. */
static bool read_index(size_t *out, const char *text, size_t length) {
    enum { MOST_DIGITS = 9 };
    *out = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (size_t)(text[i] - '0');
    }
    return length > 0 && length <= MOST_DIGITS;
}

td_status data_class_find(size_t *out, const data_classes *classes, const char *option,
                          const char *text, size_t length, td_error *error) {
    size_t index, found = 0;
    for (size_t i = 0; classes->names && i < classes->count; i++)
        if (strlen(classes->names[i]) == length && memcmp(classes->names[i], text, length) == 0) {
            *out = i;
            found++;
        }
    if (found == 1)
        return TD_OK;
    if (found > 1)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a name that one class of %s has, found \"%.*s\", which %zu "
                       "have; use an index",
                       option, classes->data, (int)length, text, found);
    if (read_index(&index, text, length) && index < classes->count) {
        *out = index;
        return TD_OK;
    }
    return td_fail(
        error, TD_ERR_USAGE, "%s: expected %sindices from 0 to %zu of %s, found \"%.*s\"", option,
        classes->names ? "names or " : "", classes->count - 1, classes->data, (int)length, text);
}
