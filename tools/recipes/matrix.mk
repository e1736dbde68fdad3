# SPDX-License-Identifier: MIT
# Attacks × defences × seeds on one net and one set: every repair, detector of inputs, filter of
# training sets and training defence, against every attack and on models without a backdoor. The
# report is a leaderboard (trapdoor-report --matrix): accuracy, ASR, RA and DER of each cell with
# its interval over the seeds, ranks, costs, and a heat map.
#
#   make -k -f tools/recipes/matrix.mk NET=cnn-bn ATTACKS='clean badnets' DEFENCES='clp anp strip'
#
# OUT/shown/ATTACK/SEED/DEFENCE.json are the records; none.json is of the undefended model.
shown = $(OUT)/shown
expectations :=
report-as := --matrix
about = , on $(SET), $(notdir $(NET))
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

NET ?= $(call by-scale,$(here)matrix.net,preact-resnet18)
SET ?= $(call by-scale,fashion-mnist,cifar10)
TARGET ?= 0
RATIO ?= 0.1
EPOCHS ?= $(call by-scale,5,60)
BATCH ?= 64
# The training images of models, clean images for repairs (none that the models learn, since repairs
# are chosen by the accuracy on them), evaluation images, and calibration and evaluation images for
# detectors: ranges of the training and of the test images, in random order.
images-gtsrb16 := 2500-16000
IMAGES ?= $(or $(images-$(SET)),$(call by-scale,2500-22500,2500-50000))
CLEAN ?= 0-2500
MEASURED ?= $(call by-scale,2000-6000,2000-10000)
CALIBRATING ?= 0-1000
JUDGED ?= $(call by-scale,1000-1500,1000-2000)

# A row per attack: its trigger, and its rule if that is not dirty-label. `clean` is no attack: its
# models never saw the trigger they are measured with, so what a defence flags is a false alarm.
ATTACKS ?= clean badnets blended sine warp $(call by-scale,,clean-sine all-to-all)
trigger-clean ?= $(trigger-badnets)
trigger-badnets ?= square:size=3,at=bottom-right
trigger-blended ?= blend:pattern=noise,alpha=0.2,seed=1
trigger-sine ?= sine:delta=40,freq=6
trigger-warp ?= warp:shift=2,seed=1
trigger-pixel ?= pixel:at=bottom-right
trigger-clean-sine ?= sine:delta=60,freq=6
rule-clean-sine ?= clean-label --ratio 0.8
trigger-all-to-all ?= square:size=3,at=bottom-right
target-all-to-all ?= next

# A row per defence: its inputs. Its options, if any, are in options-DEFENCE.
# The paper's 100 epochs would take a third of all the time.
options-sau ?= $(call by-scale,--epochs 30,)
# The loss of the authors' code, by which the published results were made.
options-abl ?= --hold batch
repair := finetune fineprune prune ft-sam super-finetune fst nad seam i-bau sau npd mm-bm
norm-repair := bnp anp rnp nft
bare-repair := clp
poisoned-repair := ep
detector := strip squeeze scale-up cognitive-distillation teco ted sentinet badexpert
# The scales of all four norms of matrix.net do not change its classes, as ibd-psc needs.
norm-detector := $(if $(filter matrix.net,$(notdir $(NET))),,ibd-psc)
image-detector := frequency
filter := spectral activation-clustering spectre
clean-filter := beatrix scan-filter agpd
training := abl
kinds := repair norm-repair bare-repair poisoned-repair detector norm-detector image-detector filter \
  clean-filter training
# Nets without batch norms, for which some defences are not defined.
plain-nets := cnn lenet5 vgg11 vgg16 squeezenet
has-norms := $(if $(filter $(plain-nets),$(NET)),,norms)
meaningful := $(foreach k,$(kinds),$(if $(or $(has-norms),$(filter-out norm-% bare-% poisoned-%,$k)),$($k)))
DEFENCES ?= $(meaningful)
unknown := $(filter-out $(foreach k,$(kinds),$($k)),$(DEFENCES))
ifneq ($(strip $(unknown)),)
$(error DEFENCES: expected any of $(foreach k,$(kinds),$($k)), found "$(strip $(unknown))")
endif
$(foreach a,$(ATTACKS),$(if $(trigger-$a),,$(error ATTACKS: expected attacks with a trigger-ATTACK, found "$a")))

measured := $(call times,$(addprefix $(shown)/,$(ATTACKS)),$(seeds),none.json $(DEFENCES:%=%.json))

# The components of a path ATTACK/SEED.
attack = $(call part,1,$*)
seed = $(call part,2,$*)
trains = $(call mixed,$(SET),train)
tests = $(call mixed,$(SET),test)
both := $(call mixed,$(SET),train) $(call mixed,$(SET),test)
target = $(or $(target-$(attack)),$(TARGET))
backdoor = --trigger $(trigger-$(attack)) --target $(target)
train = trapdoor-train $(flags) --net $(NET) --epochs $(EPOCHS) --batch $(BATCH) \
  --schedule cosine --seed $(seed)
learnt = $(if $(filter clean,$(attack)),$(trains)::$(IMAGES),$(OUT)/made/$*/set/poisoned.safetensors)
manifest = $(if $(filter clean,$(attack)),,--manifest $(OUT)/made/$*/set/manifest.json)

$(OUT)/made/%/set/manifest.json: | $(both)
	$(folder) trapdoor-poison $(or $(rule-$(attack)),dirty-label --ratio $(RATIO)) $(flags) $(backdoor) \
	  --data $(trains)::$(IMAGES) --seed $(seed) -o $(@D) --json $(@D)/poison.json

# The training set of an attack: models of all seeds depend on it, except for `clean`.
set-of = $(if $(filter clean,$(call part,1,$1)),,$(OUT)/made/$1/set/manifest.json)
$(OUT)/made/%/model.safetensors: $$(call set-of,$$*) | $(both)
	$(folder) $(train) --resume --data $(learnt) -o $@ --json $(@D)/train.json

evaluate = trapdoor-eval $(flags) --model $1 --data $(tests)::$(MEASURED) $(backdoor) --json $@
$(shown)/%/none.json: $(OUT)/made/%/model.safetensors
	$(folder) $(call evaluate,$<)

# rule DEFENCE COMMAND: the record; `$(1)` is the defence.
define rule
$(shown)/%/$1.json: $(OUT)/made/%/model.safetensors
	$$(folder) trapdoor-defend $1 $$(flags) $$(options-$1) --seed $$(seed) $2 --json $$@


endef
of-model = --model $$<
with-clean = --clean $$(trains)::$$(CLEAN)
measuring = --test $$(tests)::$$(MEASURED) $$(backdoor) -o $$(<D)/$1.safetensors
judging = --clean $$(tests)::$$(CALIBRATING) --benign $$(tests)::$$(JUDGED) --trigger $$(trigger-$$(attack))
filtering = --data $$(learnt) $$(manifest)

$(foreach d,$(repair) $(norm-repair),$(eval $(call rule,$d,$(of-model) $(with-clean) $(call measuring,$d))))
$(foreach d,$(bare-repair),$(eval $(call rule,$d,$(of-model) $(call measuring,$d))))
$(foreach d,$(poisoned-repair),$(eval $(call rule,$d,$(of-model) --data $$(learnt) $(call measuring,$d))))
$(foreach d,$(detector) $(norm-detector),$(eval $(call rule,$d,$(of-model) $(judging))))
$(foreach d,$(image-detector),$(eval $(call rule,$d,$(judging))))
$(foreach d,$(filter),$(eval $(call rule,$d,$(of-model) $(filtering))))
$(foreach d,$(clean-filter),$(eval $(call rule,$d,$(of-model) --clean $$(tests)::$$(CALIBRATING) $(filtering))))

# Training defence: the model, the images it isolated as a filter's record, and the model's
# measurements.
$(OUT)/made/%/abl.safetensors: $$(call set-of,$$*) | $(both)
	$(folder) mkdir -p $(shown)/$* && $(train) --defence abl $(options-abl) --data $(learnt) $(manifest) -o $@ \
	  --json $(shown)/$*/abl-isolation.json
$(shown)/%/abl.json: $(OUT)/made/%/abl.safetensors
	$(folder) $(call evaluate,$<)
