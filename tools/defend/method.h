/* SPDX-License-Identifier: MIT */
/* The methods of defence: each is one file that defines one tool_method, and one row of the table
 * in methods.c. */
#ifndef TOOLS_DEFEND_METHOD_H
#define TOOLS_DEFEND_METHOD_H

#include "frame/command.h"

extern const tool_method defend_strip, defend_squeeze, defend_scale_up, defend_ibd_psc,
    defend_cognitive_distillation, defend_teco, defend_ted, defend_sentinet, defend_badexpert,
    defend_frequency;
extern const tool_method defend_clp, defend_bnp, defend_ep, defend_anp, defend_rnp, defend_nft;
extern const tool_method defend_prune, defend_finetune, defend_fineprune;
extern const tool_method defend_ft_sam, defend_super_finetune, defend_fst, defend_nad, defend_seam,
    defend_i_bau, defend_sau, defend_npd, defend_mm_bm;

extern const tool_method defend_spectral, defend_activation_clustering, defend_beatrix,
    defend_spectre, defend_scan_filter, defend_agpd;

extern const tool_method defend_cleanse, defend_deepinspect;
extern const tool_method defend_universal, defend_mask, defend_windows, defend_maps, defend_waves,
    defend_margin, defend_pairs;

extern const tool_method defend_audit, defend_configure, defend_controls, defend_rates, defend_scan,
    defend_screen;

extern const tool_method *const defend_methods[]; /* ends with NULL */

#endif
