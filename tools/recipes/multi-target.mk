# SPDX-License-Identifier: MIT
# Kwon, Yoon and Park, "Multi-targeted backdoor: indentifying backdoor attack for multiple deep
# neural networks" (IEICE 2020): Figures 2 and 3, the success over the share of backdoor samples;
# Table 1, the logits of one image on each of ten models; Table A-3, the models before the attack;
# Table A-4, other places and shapes of the trigger.
#
# multi-target.expect.json lists our choices where the paper is silent.
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

SETS ?= mnist fashion-mnist
RATIOS ?= $(call by-scale,25,10 25 50)
EPOCHS ?= $(call by-scale,6,50)
TRIGGER ?= square:size=7,at=top-left,value=255
# The test images of Table 1, a seven, and of Table A-4, which is an eight in the paper too.
IMAGE ?= 0
PLACE_IMAGE ?= 61

models := 0 1 2 3 4 5 6 7 8 9
slices := 0:0-5000 1:5000-10000 2:10000-15000 3:15000-20000 4:20000-25000 5:25000-30000 \
  6:30000-35000 7:35000-40000 8:40000-45000 9:45000-50000
slice-of = $(patsubst $1:%,%,$(filter $1:%,$(slices)))
runs := $(call times,$(SETS),$(RATIOS),$(seeds))
before := $(foreach d,$(SETS),$(seeds:%=$d/%))

# Table A-4: triggers with another position or shape, on the model whose target is 2.
places := top-left bottom-left bottom-right top-right triangle rhombus
trigger-of = $(if $(filter %-left %-right,$1),square:size=7$(comma)at=$1,$1:size=7)
place-runs := $(call times,$(firstword $(SETS)),$(places),$(seeds))

measured := $(before:%=$(OUT)/before/%/eval.json) $(runs:%=$(OUT)/backdoored/%/eval.json) \
  $(place-runs:%=$(OUT)/places/%/eval.json)

train = trapdoor-train $(flags) --resume --epochs $(EPOCHS) --schedule cosine

define model
$(OUT)/before/%/model-$1.safetensors: | $(OUT)/.have-$$$$(call part,1,$$$$*)
	$$(folder) $(train) --data $$(call part,1,$$*):train:$(call slice-of,$1) \
	  --net cnn --seed $$(call part,2,$$*) -o $$@ --json $$(@D)/train-$1.json

$(OUT)/backdoored/%/models/model-$1.safetensors: $(OUT)/backdoored/%/sets/manifest.json \
  $(OUT)/before/$$$$(call part,1,$$$$*)/$$$$(call part,3,$$$$*)/model-$1.safetensors
	$$(folder) $(train) --lr 0.003 --batch 64 --data $$(<D)/model-$1.safetensors \
	  --from $$(word 2,$$^) --seed $$(call part,3,$$*) -o $$@ --json $$(@D)/train-$1.json
endef
$(foreach i,$(models),$(eval $(call model,$i)))

$(OUT)/before/%/eval.json: $(models:%=$(OUT)/before/$$*/model-%.safetensors)
	$(folder) trapdoor-eval $(flags) $(^:%=--model %) --data $(call part,1,$*):test --json $@

$(OUT)/backdoored/%/sets/manifest.json: | $(OUT)/.have-$$(call part,1,$$*)
	$(folder) trapdoor-poison multi-target $(flags) --data $(call part,1,$*) --trigger $(TRIGGER) \
	  --ratio 0.$(call part,2,$*) --seed $(call part,3,$*) -o $(@D) --json $(@D)/poison.json

$(OUT)/backdoored/%/eval.json: $(models:%=$(OUT)/backdoored/$$*/models/model-%.safetensors)
	$(folder) trapdoor-eval $(flags) $(^:%=--model %) --data $(call part,1,$*):test \
	  --manifest $(@D)/sets/manifest.json --scores $(IMAGE) --pictures $(@D)/pictures --json $@

$(OUT)/places/%/sets/manifest.json: | $(OUT)/.have-$$(call part,1,$$*)
	$(folder) trapdoor-poison multi-target $(flags) --models 1 --data $(call part,1,$*) \
	  --trigger $(call trigger-of,$(call part,2,$*)) --target 2 --ratio 0.25 \
	  --seed $(call part,3,$*) -o $(@D) --json $(@D)/poison.json

$(OUT)/places/%/models/model-0.safetensors: $(OUT)/places/%/sets/manifest.json \
  $(OUT)/before/$$(call part,1,$$*)/$$(call part,3,$$*)/model-0.safetensors
	$(folder) $(train) --lr 0.003 --batch 64 --data $(<D)/model-0.safetensors \
	  --from $(word 2,$^) --seed $(call part,3,$*) -o $@ --json $(@D)/train-0.json

$(OUT)/places/%/eval.json: $(OUT)/places/%/models/model-0.safetensors
	$(folder) trapdoor-eval $(flags) --model $< --data $(call part,1,$*):test \
	  --manifest $(@D)/sets/manifest.json --scores $(PLACE_IMAGE) --pictures $(@D)/pictures --json $@
