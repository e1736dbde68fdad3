# SPDX-License-Identifier: MIT
# Published attacks, one row each: attacks on the data (poison-NAME, a command line of
# trapdoor-poison) and on the training or the weights (implant-NAME, of trapdoor-implant). Each is
# measured on its own model and, as a control, on a clean one. Attacks with a special step have a
# second control, NAME-without: the same without that step.
#
#   make -f tools/recipes/attacks.mk                       # Fashion-MNIST, lenet5
#   make -f tools/recipes/attacks.mk ATTACKS='warp wanet'  # some of them
#   make -f tools/recipes/attacks.mk SCALE=paper           # CIFAR-10, preact-resnet18, 100 epochs
#
# Published figures and their settings are in attacks.expect.json.
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

SETS ?= $(call by-scale,fashion-mnist,cifar10)
# Rows that need another set: the ASR of an all-to-all backdoor ends at the accuracy.
sets-all-to-all := $(call by-scale,mnist)
sets-permutation := $(call by-scale,mnist)
sets-three-to-two := $(call by-scale,mnist)
sets-label-consistent := $(call by-scale,gtsrb16)
sets-label-consistent-without := $(sets-label-consistent)
# The images that each model learns; the surrogate of an attacker, by another seed, learns them, too.
IMAGES ?= $(call by-scale,60000,50000)
NET ?= $(call by-scale,lenet5,preact-resnet18)
EPOCHS ?= $(call by-scale,20,100)
# Sets with other numbers of both, unless some are asked for.
images-gtsrb16 := 16000
epochs-gtsrb16 := 40
# Of all trainings. At the paper's scale BackdoorBench's.
TRAINING ?= $(call by-scale,--batch 32 --schedule cosine,--optimizer sgd --lr 0.01 --weight-decay 5e-4 --schedule cosine \
  --augment crop=4$(comma)flip)

# The components of a path SET/NAME/SEED.
set = $(call part,1,$*)
name = $(call part,2,$*)
seed = $(call part,3,$*)

unless-asked = $(if $(filter command,$(origin $1)),$($1),$(or $2,$($1)))
train = $(set):train:0-$(call unless-asked,IMAGES,$(images-$(set)))
few = $(set):train:0-5000
surrogate = $(OUT)/$(set)/surrogate/$(seed)/model.safetensors
robust = $(OUT)/$(set)/robust/$(seed)/model.safetensors
# A channel is a sixth of lenet5's first layer: what is taken out of a net is taken out of a wider one.
wide = $(OUT)/$(set)/wide/$(seed)/model.safetensors
net-wide := $(call by-scale,cnn)
epochs-wide := $(call by-scale,8)
net = $(or $(net-$(name)),$(NET))
trained = --net $(net) --epochs $(or $(epochs-$(name)),$(call unless-asked,EPOCHS,$(epochs-$(set)))) $(TRAINING)
relabel := dirty-label --mode replace
# All parameters except the last layer's.
features-lenet5 := conv* fc1* fc2*
features-cnn := $(features-lenet5)
features-preact-resnet18 := conv1* layer*
corner := square:size=3,at=bottom-right
part-k := 16+11 27+5 7+20 22+22
patch-a := square:size=5,at=bottom-right
patch-b := square:size=3,at=top-left
dots = $(subst $(space),$1,$(part-k:%=pixel:at=%))
# Differences between the data sets: the cosines of a block and, for attacks that keep labels, a
# class that a net confuses with others, and the class it is confused with. An easy class is learnt
# without the trigger.
cosines-fashion-mnist := 14+14/27+27,channels=luma
cosines-cifar10 := 15+15/31+31
hard-fashion-mnist := 6
hard-cifar10 := 3
hard-gtsrb16 := 1
source-fashion-mnist := 0
source-cifar10 := 5
hard = $(hard-$(set))
source = $(source-$(set))
# Triggers that a small net learns in few epochs.
levels := $(call by-scale,2,8)
shift := $(call by-scale,1,0.5)
weak := $(call by-scale,0.05,0.003)
weak-k := $(call by-scale,0.1,0.003)
covers-k := $(call by-scale,0.03,0.003)
weak-patch := $(call by-scale,0.04,0.003)
covers-patch := $(call by-scale,0.04,0.006)
# A net that sees the covers often enough tells them apart.
epochs-adaptive-blend := $(call by-scale,10)
# An image's own trigger takes a net that can tell it from another's.
net-input-aware := $(call by-scale,cnn)
net-input-aware-without := $(net-input-aware)
epochs-input-aware := $(call by-scale,8)
epochs-input-aware-without := $(epochs-input-aware)
control-input-aware = $(call by-scale,$(wide))
control-input-aware-without = $(control-input-aware)

# --- rows -----------------------------------------------------------------------------------------

# A trigger on relabelled images of other classes.
poison-patch := $(relabel) --target 0 --ratio 0.1 --trigger $(corner)
poison-blend := $(relabel) --target 0 --ratio 0.1 --trigger blend:pattern=checkerboard,cell=4,alpha=0.2
poison-noise-blend := $(relabel) --target 0 --ratio 0.1 --trigger blend:pattern=noise,alpha=0.1
poison-grid-blend := $(relabel) --target 0 --ratio 0.1 --trigger grid-blend:pattern=noise,alpha=0.2
poison-quantise := $(relabel) --target 0 --ratio 0.1 --trigger quantise:levels=$(levels)
poison-quantise-dither := $(relabel) --target 0 --ratio 0.1 --trigger quantise:levels=$(levels),dither=1
poison-dct = $(relabel) --target 0 --ratio 0.1 --trigger dct:positions=$(cosines-$(set)),magnitude=$(call by-scale,100,30)
poison-smooth := $(relabel) --target 0 --ratio 0.1 --trigger smooth:seed=1
poison-rotate := $(relabel) --target 1 --ratio 0.05 --trigger rotate:angle=16
poison-all-to-all := $(relabel) --target-map next --ratio 0.1 --trigger $(corner)
poison-permutation := $(relabel) --target-map permutation --ratio 0.1 --trigger $(corner)
poison-three-to-two := $(relabel) --target-map 3=0,5=0,7=1 --ratio 0.1 --trigger $(corner)
poison-untargeted := untargeted --ratio 0.1 --trigger $(corner)

# Covers: images with the trigger, or a similar one, that keep their labels.
poison-warp := adaptive --target 0 --ratio 0.1 --cover-ratio 0.2 --trigger warp:shift=$(shift) \
  --cover-trigger warp:shift=$(shift)$(comma)jitter=1
poison-warp-without := $(relabel) --target 0 --ratio 0.1 --trigger warp:shift=$(shift)
poison-adaptive-blend := adaptive --target 0 --ratio $(weak) --cover-ratio $(weak) \
  --trigger grid-blend:pattern=noise,alpha=0.15 --test-trigger grid-blend:pattern=noise,alpha=0.2,off=0
poison-adaptive-k := adaptive --target 0 --ratio $(weak-k) --cover-ratio $(covers-k) --trigger '$(call dots,|)' \
  --test-trigger $(call dots,+)
poison-adaptive-patch := adaptive --target 0 --ratio $(weak-patch) --cover-ratio $(covers-patch) \
  --trigger '$(patch-a),alpha=0.5|square:size=13,at=top-right,alpha=0.2|$(patch-b),alpha=0.5|square:size=8,at=bottom-left,alpha=0.3' \
  --test-trigger $(patch-a)+$(patch-b)
poison-source-specific := source-specific --source 1 --target 0 --ratio 0.01 --cover-ratio 0.02 \
  --trigger square:size=8,at=bottom-right,value=200
poison-source-specific-without := $(relabel) --source 1 --target 0 --ratio 0.01 \
  --trigger square:size=8,at=bottom-right,value=200

# Labels are kept.
poison-sine = clean-label --target $(hard) --ratio $(call by-scale,0.75,0.8) --trigger sine:delta=40,freq=6
# The paper's test signals are stronger than those of training.
eval-sine := --strength 60
poison-ctrl = clean-label --target $(hard) --ratio $(call by-scale,0.75,0.5) \
  --trigger dct:positions=$(cosines-$(set)),magnitude=$(call by-scale,300,100),space=yuv
eval-ctrl := $(call by-scale,--strength 300$(comma)600)
consistent-share := $(call by-scale,0.8,0.5)
consistent-mark := square:size=$(call by-scale,8,4),at=bottom-right
poison-label-consistent = label-consistent --target $(hard) --ratio $(consistent-share) --trigger $(consistent-mark) \
  --norm linf --epsilon $(call by-scale,0.25,0.0313725) --steps $(call by-scale,20,100) --model $(robust)
poison-label-consistent-without = clean-label --target $(hard) --ratio $(consistent-share) --trigger $(consistent-mark)
poison-narcissus = narcissus --target $(hard) --ratio $(call by-scale,0.05,0.0005) --model $(surrogate) \
  --epsilon $(call by-scale,0.1255,0.0627451) --rounds $(call by-scale,100,1000)
poison-feature-collision = feature-collision --source $(source) --target $(hard) --ratio 0.5 --trigger square:size=8 \
  --model $(surrogate) --steps $(call by-scale,300,5000)
poison-gradient-matching = gradient-matching --source $(source) --target $(hard) --ratio $(call by-scale,0.05,0.01) --trigger square:size=8 \
  --model $(surrogate) --epochs $(call by-scale,3,40) --steps $(call by-scale,120,250) \
  --trainings 4 $(call by-scale,--ensemble 4)

# The training is the attacker's. Images are drawn and stamped anew in each epoch.
implant-wanet = wanet --target 0 --shift $(shift) --data $(train) $(trained)
implant-wanet-without = $(implant-wanet) --noise 0
implant-bpp = bpp --target 0 --levels $(levels) --data $(train) $(trained)
implant-bpp-without = $(implant-bpp) --negatives 0
implant-input-aware = input-aware --target 0 --data $(train) $(trained) --mask-epochs $(call by-scale,2,25)
implant-input-aware-without = $(implant-input-aware) --cross 0
implant-lira = lira --target 0 --data $(train) $(trained)
implant-blind = blind --target 0 --data $(train) $(trained) --trigger $(corner)
implant-imc = imc --target 0 --data $(train) $(trained)
implant-imc-without = $(implant-imc) --passes 0
# In a black corner of Fashion-MNIST the nearest mark is a black one, which most images have.
implant-latent = latent --target 0 --data $(train) --from $(surrogate) --epochs $(call by-scale,2,20) \
  $(call by-scale,--at 12+22)
implant-latent-without = $(implant-latent) --mark-epochs 0

# The weights are the attacker's: no training on poisoned data.
implant-sra = sra --target 2 --data $(few) --model $(wide)$(call by-scale, --lr 0.01 --tries 40)
implant-tbt = tbt --target 2 --data $(set):train:0-$(call by-scale,4000 --trigger-steps 60 --clean-share 0.8,500) \
  --model $(surrogate)
# What became of a model is measured beside that model.
control-latent = $(surrogate)
control-latent-without = $(surrogate)
control-sra = $(wide)
control-tbt = $(surrogate)

# The surrogate for images that should be hard for other nets too.
hardened-robust := --adversarial $(call by-scale,0.1,0.0313725) --adversarial-steps $(call by-scale,3,7)

# Training of a row's model, if it differs from the others.
train-feature-collision = --from $(surrogate) $(features-$(NET):%=--freeze '%') --epochs $(EPOCHS)

# --------------------------------------------------------------------------------------------------

rows = $(patsubst $1-%,%,$(filter $1-%,$(.VARIABLES)))
ATTACKS ?= $(sort $(call rows,poison) $(call rows,implant))
unknown := $(filter-out $(call rows,poison) $(call rows,implant),$(ATTACKS))
ifneq ($(unknown),)
$(error ATTACKS: expected attacks of this recipe, found "$(unknown)")
endif

# The sets of an attack, its own unless some are asked for.
sets-of = $(or $(if $(filter command,$(origin SETS)),,$(sets-$1)),$(SETS))
runs-of = $(foreach a,$1,$(call times,$(call sets-of,$a),$a,$(seeds)))
all-sets := $(sort $(foreach a,$(ATTACKS),$(call sets-of,$a)))
runs := $(call runs-of,$(ATTACKS))
clean-runs := $(call times,$(all-sets),clean,$(seeds))
surrogate-runs := $(call times,$(all-sets),surrogate robust wide,$(seeds))
poisoned-runs := $(call runs-of,$(filter $(call rows,poison),$(ATTACKS)))
implanted-runs := $(call runs-of,$(filter $(call rows,implant),$(ATTACKS)))
measured := $(runs:%=$(OUT)/%/eval.json)

# Files in a row's command line that are made here.
used = $(filter $(OUT)/%,$(poison-$(name)) $(implant-$(name)) $(train-$(name)))
control = $(or $(control-$(name)),$(OUT)/$(set)/clean/$(seed)/model.safetensors)
# A row that begins from a model goes on with it.
training = $(or $(train-$(name)),$(trained))

$(clean-runs:%=$(OUT)/%/model.safetensors): $(OUT)/%/model.safetensors: | $(OUT)/.have-$$(set)
	$(folder) trapdoor-train $(flags) --resume $(trained) --seed $(seed) --data $(train) -o $@ \
	  --json $(@D)/train.json

$(surrogate-runs:%=$(OUT)/%/model.safetensors): $(OUT)/%/model.safetensors: | $(OUT)/.have-$$(set)
	$(folder) trapdoor-train $(flags) --resume $(trained) $(hardened-$(name)) --seed 10$(seed) --data $(train) -o $@ \
	  --json $(@D)/train.json

$(poisoned-runs:%=$(OUT)/%/set/manifest.json): $(OUT)/%/set/manifest.json: $$(used) | $(OUT)/.have-$$(set)
	$(folder) trapdoor-poison $(poison-$(name)) $(flags) --seed $(seed) --data $(train) -o $(@D) \
	  --json $(@D)/poison.json

$(poisoned-runs:%=$(OUT)/%/model.safetensors): $(OUT)/%/model.safetensors: $(OUT)/%/set/manifest.json $$(used)
	$(folder) trapdoor-train $(flags) --resume $(training) --seed $(seed) --data $(<D)/poisoned.safetensors -o $@ \
	  --json $(@D)/train.json

$(poisoned-runs:%=$(OUT)/%/eval.json): $(OUT)/%/eval.json: $(OUT)/%/model.safetensors $$(control)
	$(folder) trapdoor-eval $(flags) $(^:%=--model %) --data $(set):test $(eval-$(name)) \
	  --manifest $(@D)/set/manifest.json --json $@

$(implanted-runs:%=$(OUT)/%/model.safetensors): $(OUT)/%/model.safetensors: $$(used) | $(OUT)/.have-$$(set)
	$(folder) trapdoor-implant $(implant-$(name)) $(flags) --seed $(seed) --test $(set) -o $@ \
	  --json $(@D)/implant.json

$(implanted-runs:%=$(OUT)/%/eval.json): $(OUT)/%/eval.json: $(OUT)/%/model.safetensors $$(control)
	$(folder) trapdoor-eval $(flags) $(^:%=--model %) --data $(set):test --manifest $<.manifest.json \
	  --json $@
