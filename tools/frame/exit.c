#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A message may quote a file's content; control characters in it must not reach the terminal. */
void tool_note(const char *message) {
    char line[sizeof(td_error)];
    size_t length = 0;
    for (; message[length] && length < sizeof line - 1; length++) {
        unsigned char byte = (unsigned char)message[length];
        line[length] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    line[length] = '\0';
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

/* Buffered results may meet a full disk only now. */
static td_status flush_results(td_error *error) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return TD_OK;
    return td_fail(error, TD_ERR_IO, "standard output: %s",
                   errno ? strerror(errno) : "a write failed");
}

int tool_exit(td_status status, const td_error *error) {
    if (status != TD_OK)
        tool_note(error->message);
    td_error unwritten;
    td_status flushed = flush_results(&unwritten);
    if (status == TD_OK && flushed != TD_OK) {
        tool_note(unwritten.message);
        status = flushed;
    }
    return status == TD_OK ? 0 : status == TD_ERR_USAGE ? 2 : 1;
}
