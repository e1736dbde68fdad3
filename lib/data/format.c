#include "data/format.h"

#include "data/path.h"
#include <string.h>

static const td_format *const formats[] = {&td_format_idx,   &td_format_cifar,
                                           &td_format_npy,   &td_format_safetensors,
                                           &td_format_gtsrb, &td_format_folder};

enum { FORMATS = sizeof formats / sizeof *formats };

static td_status fail_unknown(const char *path, td_error *error) {
    char known[512] = "";
    for (size_t i = 0; i < FORMATS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? " or " : "", formats[i]->name);
    }
    return td_fail(error, TD_ERR_FORMAT, "%s: expected %s, found %s", path, known,
                   td_path_is_folder(path) ? "a folder without such files"
                                           : "a file of another format");
}

td_status td_format_find(const td_format **out, const char *path, td_error *error) {
    *out = NULL;
    for (size_t i = 0; i < FORMATS; i++) {
        if (!formats[i]->recognise(path))
            continue;
        if (*out)
            return td_fail(error, TD_ERR_FORMAT, "%s: two layouts: expected one, found %s and %s",
                           path, (*out)->name, formats[i]->name);
        *out = formats[i];
    }
    return *out ? TD_OK : fail_unknown(path, error);
}
