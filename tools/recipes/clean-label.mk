# SPDX-License-Identifier: MIT
# Barni, Kallas and Tondi, "A new backdoor attack in CNNs by training set corruption without label
# poisoning" (ICIP 2019): Table I and Figure 2, a ramp in the target class of MNIST; Figure 3, two
# targets; Table II and Figure 4, a sine in the target class of 16 traffic signs, and two targets.
#
# The choices where the paper is silent are listed in clean-label.expect.json.
include $(dir $(lastword $(MAKEFILE_LIST)))common.mk

DIGIT_EPOCHS ?= $(call by-scale,3,20)
SIGN_EPOCHS ?= $(call by-scale,40,100)
DIGIT_NET ?= $(here)clean-label.net
AUGMENT ?= zoom=0.1,rotate=10,shift=3
DIGITS ?= 2 4 7 9
ALPHAS ?= $(call by-scale,30,20 30 40)
SIGNS ?= 1 3 7 13

digit-runs := $(call times,$(DIGITS),$(ALPHAS),$(seeds)) $(call times,3,30,$(seeds))
sign-runs := $(call times,$(SIGNS),20,$(seeds))
measured := $(digit-runs:%=$(OUT)/digits/%/eval.json) $(seeds:%=$(OUT)/two-digits/%/eval.json) \
  $(sign-runs:%=$(OUT)/signs/%/eval.json) $(seeds:%=$(OUT)/two-signs/%/eval.json)

sine := sine:delta=20,freq=6
train = trapdoor-train $(flags) --resume --batch 64 --augment $(AUGMENT)
digit-eval = trapdoor-eval $(flags) --data mnist:test --strength 30,40,60,80
sign-eval = trapdoor-eval $(flags) --data gtsrb16:test --best 7 --strength 20,30,40,60,80

# TARGET/ALPHA/SEED
$(OUT)/digits/%/sets/manifest.json: | $(OUT)/.have-mnist
	$(folder) trapdoor-poison clean-label $(flags) --data mnist --trigger ramp:delta=30 \
	  --target $(call part,1,$*) --ratio 0.$(call part,2,$*) --seed $(call part,3,$*) -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/digits/%/model.safetensors: $(OUT)/digits/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net $(DIGIT_NET) --epochs $(DIGIT_EPOCHS) \
	  --seed $(call part,3,$*) -o $@ --json $(@D)/train.json

$(OUT)/digits/%/eval.json: $(OUT)/digits/%/model.safetensors
	$(folder) $(digit-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@

# SEED
$(OUT)/two-digits/%/sets/manifest.json: | $(OUT)/.have-mnist
	$(folder) trapdoor-poison clean-label $(flags) --data mnist --trigger ramp:delta=30 --target 5 \
	  --trigger triangle-wave:delta=30 --target 9 --ratio 0.3 --seed $* -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/two-digits/%/model.safetensors: $(OUT)/two-digits/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net $(DIGIT_NET) \
	  --epochs $(DIGIT_EPOCHS) --seed $* -o $@ --json $(@D)/train.json

$(OUT)/two-digits/%/eval.json: $(OUT)/two-digits/%/model.safetensors
	$(folder) $(digit-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@

# TARGET/ALPHA/SEED
$(OUT)/signs/%/sets/manifest.json: | $(OUT)/.have-gtsrb16
	$(folder) trapdoor-poison clean-label $(flags) --data gtsrb16 --trigger $(sine) \
	  --target $(call part,1,$*) --ratio 0.$(call part,2,$*) --seed $(call part,3,$*) -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/signs/%/model.safetensors: $(OUT)/signs/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net lenet5 --epochs $(SIGN_EPOCHS) \
	  --seed $(call part,3,$*) -o $@ --json $(@D)/train.json

$(OUT)/signs/%/eval.json: $(OUT)/signs/%/model.safetensors
	$(folder) $(sign-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@

# SEED
$(OUT)/two-signs/%/sets/manifest.json: | $(OUT)/.have-gtsrb16
	$(folder) trapdoor-poison clean-label $(flags) --data gtsrb16 --trigger $(sine) --target 1 \
	  --trigger sine:delta=20,freq=3 --target 7 --ratio 0.2 --seed $* -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/two-signs/%/model.safetensors: $(OUT)/two-signs/%/sets/manifest.json
	$(folder) $(train) --data $(<D)/poisoned.safetensors --net lenet5 --epochs $(SIGN_EPOCHS) --seed $* -o $@ \
	  --json $(@D)/train.json

$(OUT)/two-signs/%/eval.json: $(OUT)/two-signs/%/model.safetensors
	$(folder) $(sign-eval) --model $< --manifest $(@D)/sets/manifest.json --pictures $(@D)/pictures --json $@
