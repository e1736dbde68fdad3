/* SPDX-License-Identifier: MIT */
#include "nn/kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>

/* Runs before main: skips a program whose kernel this processor lacks. */
__attribute__((constructor)) static void skip_without_kernel(void) {
    td_error error;
    if (td_kernel_check(&error) == TD_OK)
        return;
    printf("1..0 # SKIP %s\n", error.message);
    exit(0);
}
