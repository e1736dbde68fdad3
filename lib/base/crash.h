/* SPDX-License-Identifier: MIT */
/* What is known to the handler of a signal that ends the process: which file is mapped at an
 * address, and which files and folders must not stay. Of the whole process, as signals are. Entries
 * may be made in any thread; what a handler calls is async-signal-safe. */
#ifndef TD_BASE_CRASH_H
#define TD_BASE_CRASH_H

#include <stdbool.h>
#include <stddef.h>

/* An entry; TD_CRASH_NONE where there is no room for another, or none was made: the handler does
 * not know of it then. */
typedef size_t td_crash_entry;

enum { TD_CRASH_NONE = 0 };

/* The file at `path` is mapped at [data, data + size). */
td_crash_entry td_crash_mapped(const void *data, size_t size, const char *path);

/* What stands at `path` is to be removed: a file, or a folder that is empty by then. */
td_crash_entry td_crash_unwanted(const char *path);

/* Takes the entry back and zeroes it. */
void td_crash_forget(td_crash_entry *entry);

/* While it is held, the unwanted are not removed, and nothing should end the process: files are
 * being renamed. It can be held more than once. */
void td_crash_hold(void);
void td_crash_release(void);

/* --- for handlers --- */

bool td_crash_is_held(void);

/* The path of the file that is mapped there, and the place in it; NULL: none. */
const char *td_crash_file_at(const void *address, size_t *offset);

/* Removes what is unwanted, unless it is held. */
void td_crash_remove(void);

#endif
