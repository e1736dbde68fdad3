/* SPDX-License-Identifier: MIT */
/* trapdoor-implant: puts a backdoor into a model. */
#include "frame/command.h"
#include "implant/implant.h"

static const tool_method *const methods[] = {
    &implant_blind,  &implant_bpp,  &implant_evade,
    &implant_hijack, &implant_imc,  &implant_input_aware,
    &implant_latent, &implant_lira, &implant_pruning_aware,
    &implant_sra,    &implant_tbt,  &implant_trojannet,
    &implant_wanet,  NULL,
};

static const char doc[] =
    "Put a backdoor into a model by METHOD, or train a model with one. M2 is one model that all "
    "tools take. The triggers, and a manifest for trapdoor-eval --manifest, are written beside "
    "it.\v\nExample:\n  trapdoor-implant trojannet --model model.safetensors --target all \\\n    "
    "-o trojan.safetensors\n  trapdoor-eval --model trojan.safetensors --data fashion-mnist:test "
    "\\\n    --manifest trojan.safetensors.manifest.json\n";

int main(int argc, char **argv) {
    const tool_program program = {"trapdoor-implant", "METHOD", "Methods", doc, methods};
    return tool_main(&program, argc, argv);
}
