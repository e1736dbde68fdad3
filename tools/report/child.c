#include "report/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_files(posix_spawn_file_actions_t *actions, int input, int output) {
    int failed = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return failed;
}

static int spawn(const char *const *argv, int input, int output, pid_t *child) {
    char *path = NULL, locale[] = "LC_ALL=C";
    const char *paths = getenv("PATH");
    size_t size = strlen(paths ? paths : "") + sizeof "PATH=";
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    path = malloc(size);
    failed = path ? set_files(&actions, input, output) : ENOMEM;
    if (!failed) {
        snprintf(path, size, "PATH=%s", paths ? paths : "");
        char *environment[] = {path, locale, NULL};
        failed = posix_spawnp(child, argv[0], &actions, NULL, (char *const *)argv, environment);
    }
    free(path);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

td_status child_run(const char *const *argv, FILE *input, FILE *output, td_error *error) {
    pid_t child;
    int state;
    if (fflush(input) != 0 || lseek(fileno(input), 0, SEEK_SET) != 0)
        return td_fail(error, TD_ERR_IO, "%s: %s", argv[0], strerror(errno));
    int failed = spawn(argv, fileno(input), fileno(output), &child);
    if (failed)
        return td_fail(error, failed == ENOENT ? TD_ERR_USAGE : TD_ERR_IO, "%s: %s", argv[0],
                       strerror(failed));
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return td_fail(error, TD_ERR_IO, "%s: %s", argv[0], strerror(errno));
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return TD_OK;
    return WIFEXITED(state)
               ? td_fail(error, TD_ERR_IO, "%s: expected exit status 0, found %d", argv[0],
                         WEXITSTATUS(state))
               : td_fail(error, TD_ERR_IO, "%s: ended by signal %d", argv[0], WTERMSIG(state));
}
