/* SPDX-License-Identifier: MIT */
/* A method only for tests, to add to a table of methods. */
#ifndef TESTS_UNIT_MARGIN_INSPECTOR_H
#define TESTS_UNIT_MARGIN_INSPECTOR_H

#include "frame/settings.h"

extern const tool_method margin_method;

#endif
