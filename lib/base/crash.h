/* SPDX-License-Identifier: MIT */
/* State for the handler of a fatal signal: which file is mapped at an address, and which files and
 * folders to remove. It is per process, as signal handlers are. Any thread may add entries; the
 * functions for handlers are async-signal-safe. */
#ifndef TD_BASE_CRASH_H
#define TD_BASE_CRASH_H

#include <stdbool.h>
#include <stddef.h>

/* An entry. TD_CRASH_NONE: none was made, or the table is full and the handler does not know of it.
 */
typedef size_t td_crash_entry;

enum { TD_CRASH_NONE = 0 };

/* The file at `path` is mapped at [data, data + size). */
td_crash_entry td_crash_mapped(const void *data, size_t size, const char *path);

/* The handler removes what is at `path`: a file, or a folder that is empty by then. */
td_crash_entry td_crash_unwanted(const char *path);

/* Takes the entry back and zeroes it. */
void td_crash_forget(td_crash_entry *entry);

/* While held, the handler removes nothing and the process should not end: files are being renamed.
 * Holds nest. */
void td_crash_hold(void);
void td_crash_release(void);

/* --- for handlers --- */

bool td_crash_is_held(void);

/* The path of the file mapped at `address`, and the offset in it; NULL if there is none. */
const char *td_crash_file_at(const void *address, size_t *offset);

/* Removes the unwanted files and folders, unless held. */
void td_crash_remove(void);

#endif
