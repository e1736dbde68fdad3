/* --net NET: a net of the zoo by name, or a file with a net text. */
#ifndef TOOLS_COMMON_NET_SOURCE_H
#define TOOLS_COMMON_NET_SOURCE_H

#include "data/images.h"
#include "nn/net.h"

/* Builds the net for images and classes as `images` has them. Messages name the file. */
td_status tool_net_open(td_net *net, const char *name, const td_images *images,
                        td_error *error) TD_MUST_USE;

#endif
