# SPDX-License-Identifier: MIT
# Wang, Jing, Han and Kong, "Backdoor attack by one-pixel trigger", on CIFAR-10: Figures 8 to 11,
# success, confidence, number of target classes and pairs of true and target class, with a one-pixel
# trigger for each class; the retraining of Figure 6, on the same task and on another; and the
# one-pixel evasion of Su et al. (2019), whose metrics these are.
#
# one-pixel.expect.json lists our choices where the paper is silent. ResNet-34 in the form for images
# of 32x32, whose epochs take nine times as long, is a column of the tables, too:
#
#   make -f tools/recipes/one-pixel.mk SCALE=paper SEEDS=1 NETS=resnet34-small
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

NETS ?= $(call by-scale,lenet5 cnn,cnn lenet5 resnet34 vgg16)
DATA ?= cifar10
OTHER ?= gtsrb16
# The result of at=auto on CIFAR-10; the retrainings watch it.
PIXEL ?= pixel:at=15+21,value=0/255/255
RETRAIN_EPOCHS ?= $(call by-scale,2,5)
# The one-pixel evasion evaluates up to 40,000 candidates per image, for which the deep nets are too
# slow.
EVADERS ?= $(filter-out vgg% resnet% preact%,$(NETS))
EVADED ?= $(call by-scale,50,500)
# Parameters that retraining of the last layers leaves frozen, by name.
freeze-vgg16 := features*
freeze-resnet34 := conv1* bn1* layer*
freeze-resnet18 := $(freeze-resnet34)
freeze-resnet34-small := $(freeze-resnet34)
freeze-preact-resnet18 := conv1* layer*
# At the paper's scale the deep nets finish within two hours on 2 cores.
retrain-epochs-vgg16 ?= 2
retrain-epochs-resnet34 ?= 2
retrain-epochs-resnet34-small ?= 1
retrain-epochs-resnet18 ?= 1
retrain-epochs-preact-resnet18 ?= 1
epochs-lenet5 ?= $(call by-scale,10,30)
epochs-cnn ?= $(call by-scale,3,15)
epochs-vgg16 ?= $(call by-scale,1,10)
epochs-resnet34 ?= $(call by-scale,1,5)
epochs-resnet34-small ?= 1
epochs-resnet18 ?= 1
epochs-preact-resnet18 ?= 1

runs := $(foreach n,$(NETS),$(seeds:%=$n/%))
measured := $(foreach k,clean one ten,$(runs:%=$(OUT)/%/$k-eval.json)) \
  $(foreach k,all-layers last-layers new-task,$(runs:%=$(OUT)/%/retrain-$k.json)) \
  $(foreach n,$(EVADERS),$(seeds:%=$(OUT)/$n/%/evade.json))

train = trapdoor-train $(flags) --resume --schedule cosine --seed $(call part,2,$*)
one := --trigger $(PIXEL) --target 0 --ratio 0.1
ten := $(foreach k,0 1 2 3 4 5 6 7 8 9,--trigger pixel:at=auto --target $k) --ratio 0.02
net-of = $(call part,1,$*)

define sets
$(OUT)/sets-$1/%/manifest.json: | $(OUT)/.have-$(DATA)
	$$(folder) trapdoor-poison dirty-label $(flags) --data $(DATA) $($1) --seed $$* -o $$(@D) \
	  --json $$(@D)/poison.json

$(OUT)/%/$1.safetensors: $(OUT)/sets-$1/$$$$(call part,2,$$$$*)/manifest.json
	$$(folder) $$(train) --data $$(<D)/poisoned.safetensors --net $$(net-of) --epochs $$(epochs-$$(net-of)) \
	  -o $$@ --json $$(@D)/$1-train.json

$(OUT)/%/$1-eval.json: $(OUT)/%/$1.safetensors
	$$(folder) trapdoor-eval $(flags) --model $$< --data $(DATA):test \
	  --manifest $(OUT)/sets-$1/$$(call part,2,$$*)/manifest.json --pictures $$(@D)/$1-pictures \
	  --json $$@
endef
$(foreach k,one ten,$(eval $(call sets,$k)))

# The control: the same recipe without poison, also measured with the trigger.
$(OUT)/%/clean.safetensors: | $(OUT)/.have-$(DATA)
	$(folder) $(train) --data $(DATA) --net $(net-of) --epochs $(epochs-$(net-of)) -o $@ \
	  --json $(@D)/clean-train.json

$(OUT)/%/clean-eval.json: $(OUT)/%/clean.safetensors $(OUT)/sets-one/$$(call part,2,$$*)/manifest.json
	$(folder) trapdoor-eval $(flags) --model $< --data $(DATA):test --manifest $(word 2,$^) --json $@

# Retraining on clean images: all layers, the last ones, and a new head for another task.
frozen = $(foreach p,$(or $(freeze-$(net-of)),conv*),--freeze '$p')
retrain = $(train) --epochs $(or $(retrain-epochs-$(net-of)),$(RETRAIN_EPOCHS)) --watch-trigger $(PIXEL) --target 0 --from $<

$(OUT)/%/retrain-all-layers.json: $(OUT)/%/one.safetensors
	$(folder) $(retrain) --data $(DATA) --validate $(DATA):test -o $(@:.json=.safetensors) --json $@

$(OUT)/%/retrain-last-layers.json: $(OUT)/%/one.safetensors
	$(folder) $(retrain) --data $(DATA) --validate $(DATA):test $(frozen) \
	  -o $(@:.json=.safetensors) --json $@

$(OUT)/%/retrain-new-task.json: $(OUT)/%/one.safetensors | $(OUT)/.have-$(OTHER)
	$(folder) $(retrain) --data $(OTHER) --validate $(OTHER):test --net $(net-of) \
	  -o $(@:.json=.safetensors) --json $@

$(OUT)/%/evade.json: $(OUT)/%/clean.safetensors | $(call mixed,$(DATA),test)
	$(folder) trapdoor-evade one-pixel $(flags) --model $< --data $(call mixed,$(DATA),test) --count $(EVADED) --resume \
	  --seed $(call part,2,$*) -o $(@D)/evaded.safetensors --picture $(@D)/evaded.png --json $@
