/* SPDX-License-Identifier: MIT */
/* The largest net. */
#ifndef TD_NN_LIMITS_H
#define TD_NN_LIMITS_H

/* Of the output of a node for one image: height and width, and all elements. */
enum { TD_NET_SIDE = 1 << 16, TD_NET_ACTIVATION = 1 << 25 };

#endif
