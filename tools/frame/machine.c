#include "frame/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of a line "model name : VALUE". */
static const char *value_of(char *line) {
    static const char key[] = "model name";
    char *colon = strchr(line, ':');
    if (strncmp(line, key, sizeof key - 1) != 0 || !colon)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    colon++;
    return colon + strspn(colon, " \t");
}

void tool_processor(char *name, size_t size) {
    char line[512];
    struct utsname machine;
    const char *found = NULL;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = value_of(line);
    if (!found || !*found)
        found = uname(&machine) == 0 ? machine.machine : "unknown";
    snprintf(name, size, "%s", found);
    if (file)
        fclose(file);
}

size_t tool_cores(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (size_t)cores : 1;
}
