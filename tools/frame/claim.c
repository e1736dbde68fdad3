/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "frame/claim.h"

#include "base/output.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static td_status name_target(td_digest *name, const char *target, td_error *error) {
    const size_t folder = td_output_folder(target);
    char *text;
    struct stat info;
    int length = asprintf(&text, "%.*s", (int)folder, target);
    if (length < 0)
        return td_fail_memory(error, "a file name");
    const bool good = stat(folder > 0 ? text : ".", &info) == 0;
    free(text);
    if (!good)
        return td_fail(error, TD_ERR_IO, "%s: %s", target, strerror(errno));
    length = asprintf(&text, "%llu %llu %s", (unsigned long long)info.st_dev,
                      (unsigned long long)info.st_ino, target + folder);
    if (length < 0)
        return td_fail_memory(error, "a file name");
    *name = td_sha256(text, (size_t)length);
    free(text);
    return TD_OK;
}

td_status tool_claim_name(td_digest *name, const char *path, td_error *error) {
    char *target;
    TD_TRY(td_output_target(path, &target, error));
    const td_status status = name_target(name, target, error);
    free(target);
    return status;
}

td_status tool_claim_take(tool_claim *claim, const char *path, td_error *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* The name begins with a 0 byte, so it cannot be a file. */
    const int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                "trapdoor-output-%s", claim->name.hex);
    claim->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (claim->socket < 0 ||
        bind(claim->socket, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
        return TD_OK;
    const bool taken = errno == EADDRINUSE;
    tool_claim_release(claim);
    return taken ? td_fail(error, TD_ERR_IO, "%s: another run is writing it", path) : TD_OK;
}

void tool_claim_release(tool_claim *claim) {
    if (claim->socket >= 0)
        close(claim->socket);
    claim->socket = -1;
}
