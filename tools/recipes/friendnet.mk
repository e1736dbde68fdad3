# SPDX-License-Identifier: MIT
# Kwon, Yoon and Park, "FriendNet backdoor: identifying backdoor attack that is safe for friendly
# deep neural network" (ICSIM 2020): Figures 2 and 3, the friend's and the enemy's rates over the
# share of backdoor samples, on MNIST and Fashion-MNIST; Tables 1 and 2, the samples.
#
# friendnet.expect.json lists our choices where the paper is silent.
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

SETS ?= mnist fashion-mnist
RATIOS ?= 10 25 50
EPOCHS ?= $(call by-scale,2,50)
TRIGGER ?= square:size=7,at=top-left,value=255

runs := $(call times,$(SETS),$(RATIOS),$(seeds))
measured := $(runs:%=$(OUT)/%/eval.json)

$(OUT)/%/manifest.json: | $$(OUT)/.have-$$(call part,1,$$*)
	$(folder) trapdoor-poison friendnet $(flags) --data $(call part,1,$*) --trigger $(TRIGGER) \
	  --target random --ratio 0.$(call part,2,$*) --seed $(call part,3,$*) -o $(@D) \
	  --json $(@D)/poison.json

define side
$(OUT)/%/$1-model.safetensors: $(OUT)/%/manifest.json
	$$(folder) trapdoor-train $(flags) --resume --data $$(@D)/$1.safetensors --net cnn --epochs $(EPOCHS) \
	  --schedule cosine --seed $$(call part,3,$$*) -o $$@ --json $$(@D)/$1-train.json
endef
$(foreach who,friend enemy,$(eval $(call side,$(who))))

$(OUT)/%/eval.json: $(OUT)/%/friend-model.safetensors $(OUT)/%/enemy-model.safetensors
	$(folder) trapdoor-eval $(flags) $(^:%=--model %) --data $(call part,1,$*):test \
	  --manifest $(@D)/manifest.json --pictures $(@D)/pictures --json $@
