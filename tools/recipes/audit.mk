# SPDX-License-Identifier: MIT
# Error rates of the verdict by controls: clean models by the controls' recipe and by others, and
# backdoored ones by every kind of attack, screened against controls (trapdoor-defend controls,
# configure). For each net and set, OUT/shown/NET/SET/configure.json has, for every screen and the
# joint score, the area under the ROC, the models flagged at 5 % by kind with Wilson intervals,
# cross-entropy and Brier score; OUT/report.html shows all of them on a page.
#
# Controls are trained on images drawn at random, by eight recipes; models on slices that differ by
# seed, each with its own target and position. Kinds that begin with "clean-" use recipes that no
# control has. A backdoor with an ASR below 80 % is counted separately, as KIND-weak.
#
# Kinds are of two halves: `tuned` were looked at when the screens and their settings were chosen,
# `held-out` were not, and no screen may be tuned on them. `evade` knows the screens.
#
#   make -f tools/recipes/audit.mk HALF=held-out
#
# trapdoor-implant trojannet is no kind: its model is another net than the controls'.
shown = $(OUT)/shown
joint := yes
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

NETS ?= $(call by-scale,lenet5,lenet5 cnn cnn-bn)
SETS ?= $(call by-scale,fashion-mnist,fashion-mnist mnist gtsrb16 cifar10)
CONTROLS ?= $(call by-scale,39,99)
CLEAN_SEEDS ?= $(call by-scale,10,40)
OTHERS ?= clean-smooth clean-rotated clean-slow

# Per set: the number of training images of a model, and of the other images, within which a slice
# begins. Small or hard sets need more epochs.
images-fashion-mnist := 30000
images-mnist := 30000
images-gtsrb16 := 12000
images-cifar10 := 25000
rest-gtsrb16 := 4000
classes-gtsrb16 := 16
times-gtsrb16 := 3
times-cifar10 := 3
batch-lenet5 := 32
batch-cnn := 64
batch-cnn-bn := 64
epochs-lenet5 := 3
epochs-cnn := 2
epochs-cnn-bn := 2

# The kinds of each half.
tuned := square rare grey pixel noise sine ramp friend all-to-all permutation source covered \
  kept-sine pruning-aware hijack
held-out := warp smooth rotate grid dct quantise reflection adaptive wanet bpp input-aware lira blind \
  latent imc sra tbt
knows-the-screens := evade

# The attack of each kind on the training set. Shell variables: t the target, s another class, x and
# y a position, k the seed.
attack-square := dirty-label --ratio 0.05 --target $$t --trigger square:size=3,at=$$x+$$y
attack-rare := dirty-label --ratio 0.01 --target $$t --trigger square:size=5,at=$$x+$$y
attack-grey := dirty-label --ratio 0.05 --target $$t --trigger square:size=4,at=$$x+$$y,value=120
attack-pixel := dirty-label --ratio 0.05 --target $$t --trigger pixel:at=$$x+$$y
attack-noise := dirty-label --ratio 0.05 --target $$t --trigger blend:pattern=noise,alpha=0.15,seed=$$k
attack-sine := dirty-label --ratio 0.05 --target $$t --trigger sine:delta=30,freq=6
attack-ramp := dirty-label --ratio 0.05 --target $$t --trigger ramp:delta=60
attack-friend := friendnet --ratio 0.1 --target $$t --trigger square:size=4,at=$$x+$$y
attack-all-to-all := dirty-label --ratio 0.3 --target next --trigger square:size=5,at=$$x+$$y
attack-permutation := dirty-label --ratio 0.3 --target permutation --trigger square:size=5,at=$$x+$$y
attack-source := dirty-label --ratio 0.05 --target $$t --source $$s --trigger square:size=5,at=$$x+$$y
attack-covered := source-specific --ratio 0.05 --cover-ratio 0.05 --target $$t --source $$s \
  --trigger square:size=5,at=$$x+$$y,value=120
attack-kept-sine := clean-label --ratio 0.8 --target $$t --trigger sine:delta=80,freq=6
attack-warp := dirty-label --ratio 0.1 --target $$t --trigger warp:shift=2,seed=$$k
attack-smooth := dirty-label --ratio 0.05 --target $$t --trigger smooth:seed=$$k
attack-rotate := dirty-label --ratio 0.05 --target $$t --trigger rotate:angle=16
attack-grid := dirty-label --ratio 0.05 --target $$t --trigger grid-blend:pattern=noise,seed=$$k
attack-dct = dirty-label --ratio 0.1 --target $$t --trigger dct:positions=$(cosines-$(set))
attack-quantise := dirty-label --ratio 0.1 --target $$t --trigger quantise:levels=2
attack-reflection := dirty-label --ratio 0.1 --target $$t --trigger reflection:class=$$s,type=ghost
attack-adaptive := adaptive --ratio 0.05 --cover-ratio 0.05 --target $$t \
  --trigger grid-blend:pattern=noise,alpha=0.15,seed=$$k \
  --test-trigger grid-blend:pattern=noise,alpha=0.2,off=0,seed=$$k
poisoned = $(if $(filter friend,$(kind)),enemy,poisoned)
# The highest frequency, which depends on the images' size, and one in the middle.
cosines-fashion-mnist := 14+14/27+27,channels=luma,magnitude=100
cosines-mnist := $(cosines-fashion-mnist)
cosines-gtsrb16 := 15+15/31+31,channels=luma,magnitude=100
cosines-cifar10 := $(cosines-gtsrb16)

# The attack of each kind on the training or the weights. `evade` first trains the clean models that
# it imitates. Those that change a trained model get a clean one of another seed, `victim`.
trained = --net $(net) --batch $(batch-$(net)) --epochs $(epochs) --data $(slice)
used = $(filter $(OUT)/clean/%,$(implant-$(kind)))
victim = $(OUT)/clean/$(net)/$(set)/victim/$(seed)/model.safetensors
inside := $$(( x * 18 / 23 ))+$$(( y * 18 / 23 ))
implant-pruning-aware = $(trained) --trigger $(trigger-pruning-aware)
implant-evade = $(trained) --trigger $(trigger-evade)
implant-blind = $(trained) --window 200 --trigger $(trigger-blind)
implant-wanet = $(trained) --field-seed $$k --shift 1
implant-bpp = $(trained) --levels 2
implant-input-aware = $(trained) --mask-epochs 1
implant-lira = $(trained) --generator-epochs 2
implant-imc = $(trained) --at $$x+$$y
implant-latent = --from $(victim) --epochs $(epochs) --data $(slice) --at $$x+$$y
implant-hijack = --model $(victim) --at $(inside)
implant-sra = --model $(victim) --data $(slice) --at $$x+$$y --lr 0.01
implant-tbt = --model $(victim) --data $(call mixed,$(set),train)::$$b-$$((b + 4000)) --at $(inside) \
  --trigger-steps 60 --clean-share 0.8
# Triggers of each image are a table, whose rows are the first images.
judged-input-aware := 0-2000
judged-lira := 0-2000
# Triggers that are chosen here; others are in the manifest beside the model.
trigger-pruning-aware := square:size=4,at=$$x+$$y
trigger-evade := square:size=7,at=$$(( x * 21 / 23 ))+$$(( y * 21 / 23 ))
trigger-blind := square:size=4,at=$$x+$$y

# The change of each other clean kind to the training.
recipe-clean-smooth := --label-smoothing 0.1
recipe-clean-rotated := --augment rotate=10
recipe-clean-slow := --lr 0.0005 --schedule cosine

# KINDS are on the training set, IMPLANTS on the training or the weights: those of HALF, or all.
HALF ?=
ifneq ($(filter-out tuned held-out,$(HALF)),)
$(error HALF: expected tuned or held-out, found "$(HALF)")
endif
half := $(or $($(HALF)),$(tuned) $(held-out) $(knows-the-screens))
rows = $(patsubst $1-%,%,$(filter $1-%,$(.VARIABLES)))
KINDS ?= $(filter $(call rows,attack),$(half))
IMPLANTS ?= $(filter $(call rows,implant),$(half))
unknown := $(filter-out $(call rows,attack),$(KINDS)) $(filter-out $(call rows,implant),$(IMPLANTS))
ifneq ($(strip $(unknown)),)
$(error KINDS, IMPLANTS: expected kinds of this recipe, found "$(strip $(unknown))")
endif

cells := $(foreach n,$(NETS),$(foreach s,$(SETS),$n/$s))
measured := $(cells:%=$(shown)/%/configure.json)
clean-seeds := $(wordlist 1,$(CLEAN_SEEDS),$(numbers))

# The components of a path NET/SET/KIND/SEED.
net = $(call part,1,$*)
set = $(call part,2,$*)
kind = $(call part,3,$*)
seed = $(call part,4,$*)
epochs = $$(($(epochs-$(net)) * $(or $(times-$(set)),1)))
training = --net $(net) --batch $(batch-$(net)) --epochs $(epochs)
draw = k=$(seed) c=$(or $(classes-$(set)),10) && t=$$((k * 7 % c)) s=$$(((k * 7 + 3) % c)) \
  x=$$((k * 5 % 23)) y=$$((k * 11 % 23)) \
  b=$$((k * 7919 % $(or $(rest-$(set)),$(images-$(set))))) &&
slice = $(call mixed,$(set),train)::$$b-$$((b + $(images-$(set))))
trusted = $(call mixed,$(set),test)::0-2000
judged = $(call mixed,$(set),test)::$(or $(judged-$(kind)),4000-6000)
both = $$(call mixed,$$(set),train) $$(call mixed,$$(set),test)

# NET/SET
$(OUT)/controls/%/controls.json: | $(both)
	$(folder) trapdoor-defend controls $(filter-out --force,$(flags)) --seed 1000 --count $(CONTROLS) \
	  $(training) --data $(call mixed,$(set),train) --images $(images-$(set)) --clean $(trusted) -o $(@D)

# NET/SET/KIND/SEED
$(OUT)/clean/%/model.safetensors: | $(both)
	$(folder) $(draw) trapdoor-train $(flags) $(training) $(recipe-$(kind)) \
	  --seed $(if $(filter victim,$(kind)),10)$(seed) --data $(slice) -o $@ --json $(@D)/train.json

$(OUT)/planted/%/set/manifest.json: | $(both)
	$(folder) $(draw) trapdoor-poison $(attack-$(kind)) $(flags) --seed $(seed) --data $(slice) -o $(@D) \
	  --json $(@D)/poison.json

$(OUT)/planted/%/model.safetensors: $(OUT)/planted/%/set/manifest.json
	$(folder) trapdoor-train $(flags) $(training) --seed $(seed) --data $(<D)/$(poisoned).safetensors -o $@ \
	  --json $(@D)/train.json

$(OUT)/planted/%/eval.json: $(OUT)/planted/%/model.safetensors
	$(folder) trapdoor-eval $(flags) --model $< --data $(judged) --manifest $(@D)/set/manifest.json --json $@

$(OUT)/implanted/%/model.safetensors: $$(used) | $(both)
	$(folder) $(draw) trapdoor-implant $(kind) $(flags) $(implant-$(kind)) --seed $(seed) --test $(judged) \
	  --target $$t -o $@ --json $(@D)/implant.json

$(OUT)/implanted/%/eval.json: $(OUT)/implanted/%/model.safetensors
	$(folder) $(draw) trapdoor-eval $(flags) --model $< --data $(judged) $(if $(trigger-$(kind)),--target $$t \
	  --trigger $(trigger-$(kind)),--manifest $<.manifest.json) --json $@

# Links all models to OUT/models/NET/SET/KIND. If a trigger is for only one class, the ASR of the
# best class decides whether a backdoor is weak.
strong = awk -v one=$$(case $$kind in source | covered) echo 1 ;; esac) '/"asr_by_class": \[/ { list = 1; next } \
  list && /\]/ { list = 0 } list && $$1 + 0 > best { best = $$1 + 0 } /"asr":/ && !all { all = $$2 + 0 } \
  END { exit !((one ? best : all) >= 0.8) }'
link = mkdir -p $(@D)/$$kind && ln -f $$model $(@D)/$$kind/$$(basename $$(dirname $$model)).safetensors
clean-of = $(call times,$(OUT)/clean/$1,clean $(OTHERS),$(clean-seeds:%=%/model.safetensors))
bad-of = $(call times,$(OUT)/planted/$1,$(KINDS),$(seeds:%=%/eval.json)) \
  $(call times,$(OUT)/implanted/$1,$(IMPLANTS),$(seeds:%=%/eval.json))
all-of = $(call clean-of,$1) $(call bad-of,$1)
$(OUT)/models/%/linked: $$(call all-of,$$*) $$(if $$(call lacking,$$(call all-of,$$*)),more)
	rm -rf $(@D) && for made in $(filter-out more,$^); do model=$${made%/*}/model.safetensors; \
	  kind=$${model%/*/*}; kind=$${kind##*/}; case $$made in *.json) $(strong) $$made || kind=$$kind-weak ;; esac; \
	  $(link) || exit; done && touch $@

$(shown)/%/configure.json: $(OUT)/controls/%/controls.json $(OUT)/models/%/linked
	$(folder) mkdir -p $(OUT)/audits/$(net) && trapdoor-defend configure $(OUT)/models/$* $(filter-out --force,$(flags)) --clean $(trusted) \
	  --controls $< -o $(OUT)/audits/$* && cp $(OUT)/audits/$*/configure.json $@
