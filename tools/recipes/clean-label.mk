# SPDX-License-Identifier: MIT
# Barni, Kallas and Tondi, "A new backdoor attack in CNNs by training set corruption without label
# poisoning" (ICIP 2019): Table I and Figure 2, a ramp in the target class of MNIST; Figure 3, two
# targets; Table II and Figure 4, a sine in the target class of 16 traffic signs, and two targets.
#
# clean-label.expect.json lists our choices where the paper is silent. There are three readings of
# the paper, each a preset of net, augmentation and signal, and each in an OUT of its own:
#
#   READING=text      the paper's text: columns from 1, sums clipped; our net and augmentation
#   READING=notebook  the same signals; the net and the augmentation of a much copied Keras notebook
#   READING=code      the code that an author published in 2022: columns from 0, sums that wrap
#                     around, the triangle wave upside down; LeNet-5 on raw pixels, no augmentation
READING ?= text
apart := READING
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

DIGIT_EPOCHS ?= $(call by-scale,5,20)
SIGN_EPOCHS ?= $(call by-scale,40,100)
readings := text notebook code
ifneq ($(words $(READING)) $(filter $(READING),$(readings)),1 $(READING))
$(error READING: expected one of $(readings), found "$(READING)")
endif
net-text := $(here)clean-label.net
net-notebook := $(here)clean-label-notebook.net
net-code := $(here)clean-label-code.net
sign-net-code := $(net-code)
augment-text := zoom=0.1,rotate=10,shift=3
augment-notebook := keras:rotate=8,shift=0.08,shear=0.3,zoom=0.08
signal-code := $(comma)first=0$(comma)wrap=yes
triangle-code := $(comma)peak=edges

DIGIT_NET ?= $(net-$(READING))
SIGN_NET ?= $(or $(sign-net-$(READING)),lenet5)
AUGMENT ?= $(augment-$(READING))
SIGNAL ?= $(signal-$(READING))
TRIANGLE ?= $(SIGNAL)$(triangle-$(READING))
DIGITS ?= 2 4 7 9
ALPHAS ?= $(call by-scale,30,20 30 40)
SIGNS ?= 1 3 7 13

digit-runs := $(call times,$(DIGITS),$(ALPHAS),$(seeds)) $(call times,3,30,$(seeds))
sign-runs := $(call times,$(SIGNS),20,$(seeds))
measured := $(digit-runs:%=$(OUT)/digits/%/eval.json) $(seeds:%=$(OUT)/two-digits/%/eval.json) \
  $(sign-runs:%=$(OUT)/signs/%/eval.json) $(seeds:%=$(OUT)/two-signs/%/eval.json)

ramp = ramp:delta=$1$(SIGNAL)
triangle = triangle-wave:delta=$1$(TRIANGLE)
# sine DELTA FREQ
sine = sine:delta=$1,freq=$2$(SIGNAL)
train = trapdoor-train $(flags) --resume --batch 64$(if $(AUGMENT), --augment $(AUGMENT))
# watch TRIGGER TARGET: measures its success after each epoch; the last ones tell how it swings.
watch = --watch-trigger $1 --target $2
digit-eval = trapdoor-eval $(flags) --data mnist:test --strength 30,40,60,80
sign-eval = trapdoor-eval $(flags) --data gtsrb16:test --best 7 --strength 20,30,40,60,80

# TARGET/ALPHA/SEED
$(OUT)/digits/%/sets/manifest.json: | $(OUT)/.have-mnist
	$(folder) trapdoor-poison clean-label $(flags) --data mnist --trigger $(call ramp,30) \
	  --target $(call part,1,$*) --ratio 0.$(call part,2,$*) --seed $(call part,3,$*) -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/digits/%/model.safetensors: $(OUT)/digits/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net $(DIGIT_NET) --epochs $(DIGIT_EPOCHS) \
	  --validate mnist:test $(foreach d,30 40 60 80,$(call watch,$(call ramp,$d),$(call part,1,$*))) \
	  --seed $(call part,3,$*) -o $@ --json $(@D)/train.json

$(OUT)/digits/%/eval.json: $(OUT)/digits/%/model.safetensors
	$(folder) $(digit-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@

# SEED
$(OUT)/two-digits/%/sets/manifest.json: | $(OUT)/.have-mnist
	$(folder) trapdoor-poison clean-label $(flags) --data mnist --trigger $(call ramp,30) --target 5 \
	  --trigger $(call triangle,30) --target 9 --ratio 0.3 --seed $* -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/two-digits/%/model.safetensors: $(OUT)/two-digits/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net $(DIGIT_NET) \
	  --epochs $(DIGIT_EPOCHS) --validate mnist:test $(call watch,$(call ramp,30),5) \
	  $(call watch,$(call triangle,30),9) --seed $* -o $@ --json $(@D)/train.json

$(OUT)/two-digits/%/eval.json: $(OUT)/two-digits/%/model.safetensors
	$(folder) $(digit-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@

# TARGET/ALPHA/SEED
$(OUT)/signs/%/sets/manifest.json: | $(OUT)/.have-gtsrb16
	$(folder) trapdoor-poison clean-label $(flags) --data gtsrb16 --trigger $(call sine,20,6) \
	  --target $(call part,1,$*) --ratio 0.$(call part,2,$*) --seed $(call part,3,$*) -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/signs/%/model.safetensors: $(OUT)/signs/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net $(SIGN_NET) --epochs $(SIGN_EPOCHS) \
	  --validate gtsrb16:test $(call watch,$(call sine,30,6),$(call part,1,$*)) --seed $(call part,3,$*) -o $@ \
	  --json $(@D)/train.json

$(OUT)/signs/%/eval.json: $(OUT)/signs/%/model.safetensors
	$(folder) $(sign-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@

# SEED
$(OUT)/two-signs/%/sets/manifest.json: | $(OUT)/.have-gtsrb16
	$(folder) trapdoor-poison clean-label $(flags) --data gtsrb16 --trigger $(call sine,20,6) --target 1 \
	  --trigger $(call sine,20,3) --target 7 --ratio 0.2 --seed $* -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/two-signs/%/model.safetensors: $(OUT)/two-signs/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net $(SIGN_NET) --epochs $(SIGN_EPOCHS) --seed $* -o $@ \
	  --json $(@D)/train.json

$(OUT)/two-signs/%/eval.json: $(OUT)/two-signs/%/model.safetensors
	$(folder) $(sign-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@
