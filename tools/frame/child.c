#include "frame/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int set_file(posix_spawn_file_actions_t *actions, int from, int to) {
    return from >= 0 ? posix_spawn_file_actions_adddup2(actions, from, to)
                     : posix_spawn_file_actions_addopen(
                           actions, to, "/dev/null", to == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
}

static int set_files(posix_spawn_file_actions_t *actions, const tool_child *child) {
    int failed = set_file(actions, child->input, STDIN_FILENO);
    if (!failed)
        failed = set_file(actions, child->output, STDOUT_FILENO);
    return failed ? failed : set_file(actions, child->error, STDERR_FILENO);
}

static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    int failed = posix_spawnattr_setsigdefault(attributes, &signals);
    return failed ? failed : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const tool_child *child, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, pid_t *id) {
    char *const *argv = (char *const *)child->argv;
    char *const *environment = child->environment ? child->environment : environ;
    return child->path ? posix_spawn(id, child->path, actions, attributes, argv, environment)
                       : posix_spawnp(id, argv[0], actions, attributes, argv, environment);
}

td_status tool_child_start(const tool_child *child, pid_t *id, td_error *error) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        failed = posix_spawnattr_init(&attributes);
        if (!failed) {
            failed = set_files(&actions, child);
            if (!failed)
                failed = set_signals(&attributes);
            if (!failed)
                failed = spawn(child, &actions, &attributes, id);
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    return failed ? td_fail(error, failed == ENOENT ? TD_ERR_USAGE : TD_ERR_IO, "%s: %s",
                            child->argv[0], strerror(failed))
                  : TD_OK;
}

td_status tool_child_ended(pid_t id, const char *name, bool block, bool *ended, int *status,
                           td_error *error) {
    int state;
    pid_t found;
    do {
        found = waitpid(id, &state, block ? 0 : WNOHANG);
    } while (found < 0 && errno == EINTR);
    *ended = found != 0;
    if (found < 0)
        return td_fail(error, TD_ERR_IO, "%s: %s", name, strerror(errno));
    if (!*ended)
        return TD_OK;
    if (!WIFEXITED(state))
        return td_fail(error, TD_ERR_IO, "%s: ended by signal %d", name, WTERMSIG(state));
    *status = WEXITSTATUS(state);
    return TD_OK;
}
