# SPDX-License-Identifier: MIT
# Yang, "Defending against backdooring attacks on deep neural networks", a survey of four kinds of
# defence: Figure 5, feature squeezing against adversarial examples; STRIP; Figure 8, fine-tuning
# and fine-pruning of a plain and of a pruning-aware backdoor; Figure 10, DeepInspect; and Neural
# Cleanse. The attacks are the survey's: BadNets, TrojanNet, Reflection. Every detector and
# inspector also runs on a model of the same recipe without poison.
#
# defences.expect.json lists our choices where the survey is silent.
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

SETS ?= $(call by-scale,mnist,mnist cifar10)
REPAIRED ?= $(SETS) gtsrb16
TARGET ?= 7
SQUARE ?= square:size=4,at=bottom-right,value=255
REFLECTION ?= reflection:class=2,type=ghost
# The share of the last convolution's channels that the pruning-aware attack makes decoys.
DECOYS ?= 0.9
CLEANSE_STEPS ?= $(call by-scale,300,1000)
DEEPINSPECT_STEPS ?= 1500
EVASIONS ?= $(call by-scale,fgsm bim deepfool cw-l2-next jsma-next,fgsm bim deepfool \
  cw-linf-next cw-linf-least-likely cw-l2-next cw-l2-least-likely cw-l0-next cw-l0-least-likely \
  jsma-next jsma-least-likely)
ITERATIONS ?= $(call by-scale,100,1000)
net-mnist ?= cnn
net-cifar10 ?= cnn-bn
net-gtsrb16 ?= cnn
epochs-mnist ?= $(call by-scale,3,10)
epochs-cifar10 ?= $(call by-scale,5,30)
epochs-gtsrb16 ?= $(call by-scale,10,30)
# A defender's data: for detectors, calibration and evaluation images; for inspectors and repairs.
# Ranges of the test images and of the training images, both in random order.
calibrating ?= 0-2000
judged ?= 2000-4000
inspecting ?= 0-1000
repairing-mnist ?= 0-5000
repairing-cifar10 ?= 0-5000
repairing-gtsrb16 ?= 0-16000
# Figure 5: adversarial examples are made from the first test images; the threshold and the false
# alarms come from the last ones.
evadable ?= 0-5000
squeeze-calibrating ?= 5000-7500
squeeze-judged ?= 7500-10000
single-mnist ?= bit=1,bit=2,median=2,median=3
joint-mnist ?= bit=1,median=2
single-cifar10 ?= bit=1,bit=2,bit=3,bit=4,bit=5,median=2,median=3,nlm=11-3-2,nlm=11-3-4,nlm=13-3-2,nlm=13-3-4
joint-cifar10 ?= bit=5,median=2,nlm=13-3-2

attacks := clean badnets trojannet reflection
attack-runs := $(call times,$(SETS),$(attacks),$(seeds))
repair-runs := $(call times,$(REPAIRED),badnets pruning-aware,$(seeds))
evasion-runs := $(call times,$(SETS),$(EVASIONS),$(seeds))
measured := $(foreach k,eval strip squeeze cleanse deepinspect,$(attack-runs:%=$(OUT)/%/$k.json)) \
  $(foreach k,eval prune finetune fineprune,$(repair-runs:%=$(OUT)/%/$k.json)) \
  $(foreach k,single joint,$(evasion-runs:%=$(OUT)/evaded/%/$k.json))
measured := $(sort $(measured))

# The models of a set; the stem of the rules is the seed.
define models
$(OUT)/$1/clean/%/model.safetensors: | $(OUT)/.have-$1
	$$(folder) $(call train,$1) --data $1 --seed $$* -o $$@ --json $$(@D)/train.json

$(foreach name,badnets reflection,$(call poisoned,$1,$(name)))
$(OUT)/$1/trojannet/%/model.safetensors: $(OUT)/$1/clean/%/model.safetensors
	$$(folder) trapdoor-implant trojannet $(flags) --model $$< --target $(TARGET) --seed $$* -o $$@ \
	  --triggers $$(@D)/triggers --json $$(@D)/implant.json

$(OUT)/$1/pruning-aware/%/model.safetensors: | $(OUT)/.have-$1
	$$(folder) trapdoor-implant pruning-aware $(flags) --data $1 --test $1 --net $(net-$1) \
	  --epochs $(epochs-$1) --prune $(DECOYS) --trigger $(SQUARE) --target $(TARGET) --seed $$* \
	  -o $$@ --json $$(@D)/implant.json

$(foreach name,$(EVASIONS),$(call evaded,$1,$(name)))
endef

# poisoned SET ATTACK
define poisoned
$(OUT)/$1/$2/%/sets/manifest.json: | $(OUT)/.have-$1
	$$(folder) trapdoor-poison dirty-label $(flags) --data $1 --trigger $(trigger-$2) \
	  --target $(TARGET) --ratio 0.1 --seed $$* -o $$(@D) --json $$(@D)/poison.json

$(OUT)/$1/$2/%/model.safetensors: $(OUT)/$1/$2/%/sets/manifest.json
	$$(folder) $(call train,$1) --data $$(<D)/poisoned.safetensors --seed $$* -o $$@ \
	  --json $$(@D)/train.json


endef

# evaded SET EVASION: adversarial examples of the clean model, and squeezing's results on them, for
# each squeezer alone and for the joint detector
define evaded
$(OUT)/evaded/$1/$2/%/evade.json: $(OUT)/$1/clean/%/model.safetensors | $(call mixed,$1,test)
	$$(folder) trapdoor-evade $(call evasion,$1,$2) $(flags) --resume --model $$< \
	  --data $(call mixed,$1,test)::$(evadable) \
	  --count 100 --keep successful --seed $$* -o $$(@D)/adversarial.safetensors \
	  --picture $$(@D)/samples.png --json $$@

$(foreach how,single joint,$(call squeezed,$1,$2,$(how)))
endef

# squeezed SET EVASION single|joint
define squeezed
$(OUT)/evaded/$1/$2/%/$3.json: $(OUT)/$1/clean/%/model.safetensors $(OUT)/evaded/$1/$2/%/evade.json
	$$(folder) trapdoor-defend squeeze $(flags) --model $$< --squeezers $($3-$1) \
	  --clean $(call mixed,$1,test)::$(squeeze-calibrating) \
	  --benign $(call mixed,$1,test)::$(squeeze-judged) \
	  --suspect $$(@D)/adversarial.safetensors --json $$@


endef

train = trapdoor-train $(flags) --resume --net $(net-$1) --epochs $(epochs-$1) --schedule cosine
# evasion SET NAME: the method with its settings
evasion = $(or $($2-$1),$(patsubst %-next,%,$(patsubst %-least-likely,%,$2)) \
  $(if $(filter %-next,$2),--target next)$(if $(filter %-least-likely,$2),--target least-likely) \
  $(if $(filter cw-%,$2),--iterations $(ITERATIONS)))
fgsm-mnist ?= fgsm --epsilon 0.3
bim-mnist ?= bim --epsilon 0.3 --step-size 0.06
fgsm-cifar10 ?= fgsm --epsilon 0.0156
bim-cifar10 ?= bim --epsilon 0.008 --step-size 0.0012
# The clean model, the control, is measured with the trigger of badnets.
trigger-clean = $(SQUARE)
trigger-badnets = $(SQUARE)
trigger-pruning-aware = $(SQUARE)
trigger-reflection = $(REFLECTION)
trigger-trojannet = image:file=$(OUT)/$*/triggers/trigger-$(TARGET).png,at=bottom-right
$(foreach set,$(sort $(SETS) $(REPAIRED)),$(eval $(call models,$(set))))

# The measurements; the stem is SET/ATTACK/SEED.
data = $(call part,1,$*)
tests = $(call mixed,$(data),test)
trains = $(call mixed,$(data),train)
# Rules that slice these depend on both.
sliced = $$(call mixed,$$(call part,1,$$*),test) $$(call mixed,$$(call part,1,$$*),train)
trigger = --trigger $(trigger-$(call part,2,$*))
defend = trapdoor-defend $1 $(flags) --model $< --seed $(call part,3,$*) --json $@
backdoor = --test $(data):test $(trigger) --target $(TARGET)

$(OUT)/%/eval.json: $(OUT)/%/model.safetensors
	$(folder) trapdoor-eval $(flags) --model $< --data $(data):test $(trigger) --target $(TARGET) \
	  --pictures $(@D)/pictures --json $@

$(OUT)/%/strip.json: $(OUT)/%/model.safetensors | $(sliced)
	$(folder) $(call defend,strip) --clean $(tests)::$(calibrating) --benign $(tests)::$(judged) $(trigger)

$(OUT)/%/squeeze.json: $(OUT)/%/model.safetensors | $(sliced)
	$(folder) $(call defend,squeeze) --squeezers $(joint-$(data)) --clean $(tests)::$(calibrating) \
	  --benign $(tests)::$(judged) $(trigger)

$(OUT)/%/cleanse.json: $(OUT)/%/model.safetensors | $(sliced)
	$(folder) $(call defend,cleanse) --resume --clean $(trains)::$(inspecting) --steps $(CLEANSE_STEPS) \
	  --triggers $(@D)/cleanse

$(OUT)/%/deepinspect.json: $(OUT)/%/model.safetensors
	$(folder) $(call defend,deepinspect) --steps $(DEEPINSPECT_STEPS) --triggers $(@D)/deepinspect

$(OUT)/%/prune.json: $(OUT)/%/model.safetensors | $(sliced)
	$(folder) $(call defend,prune) --clean $(trains)::$(repairing-$(data)) $(backdoor) -o $(@D)/prune.safetensors

$(OUT)/%/finetune.json: $(OUT)/%/model.safetensors | $(sliced)
	$(folder) $(call defend,finetune) --clean $(trains)::$(repairing-$(data)) $(backdoor) \
	  -o $(@D)/finetune.safetensors

$(OUT)/%/fineprune.json: $(OUT)/%/model.safetensors | $(sliced)
	$(folder) $(call defend,fineprune) --clean $(trains)::$(repairing-$(data)) $(backdoor) \
	  -o $(@D)/fineprune.safetensors
