#include "report/child.h"

#include "frame/child.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static td_status run(const char *const *argv, FILE *input, FILE *output, char *path,
                     td_error *error) {
    char locale[] = "LC_ALL=C";
    char *environment[] = {path, locale, NULL};
    const tool_child child = {.argv = argv,
                              .environment = environment,
                              .input = fileno(input),
                              .output = fileno(output),
                              .error = -1};
    pid_t id;
    bool ended;
    int status;
    TD_TRY(tool_child_start(&child, &id, error));
    TD_TRY(tool_child_ended(id, argv[0], true, &ended, &status, error));
    return status == 0
               ? TD_OK
               : td_fail(error, TD_ERR_IO, "%s: expected exit status 0, found %d", argv[0], status);
}

td_status child_run(const char *const *argv, FILE *input, FILE *output, td_error *error) {
    const char *paths = getenv("PATH");
    const size_t size = strlen(paths ? paths : "") + sizeof "PATH=";
    if (fflush(input) != 0 || lseek(fileno(input), 0, SEEK_SET) != 0)
        return td_fail(error, TD_ERR_IO, "%s: %s", argv[0], strerror(errno));
    char *path = malloc(size);
    if (!path)
        return td_fail_memory(error, "the environment of a program");
    snprintf(path, size, "PATH=%s", paths ? paths : "");
    td_status status = run(argv, input, output, path, error);
    free(path);
    return status;
}
