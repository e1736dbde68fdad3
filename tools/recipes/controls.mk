# SPDX-License-Identifier: MIT
# The controls that ship with the program (share/controls), the default of trapdoor-defend audit and
# screen: screen values of clean models of the zoo's small nets on each data set, by eight recipes.
# `ship` copies finished ones there, for a row in share/controls/meson.build.
#
#   make -f tools/recipes/controls.mk NETS=lenet5 SETS='mnist cifar10' && make -f
#   tools/recipes/controls.mk ship
#
# New ones are made with AVX2, unless asked for otherwise, so that older processors can make them
# again to the bit, too (trapdoor-defend controls --verify K --with FILE).
ifeq ($(shell uname -m),x86_64)
export TRAPDOOR_KERNEL ?= avx2
export OPENBLAS_CORETYPE ?= Haswell
endif
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

NETS ?= lenet5 cnn cnn-bn
SETS ?= fashion-mnist mnist gtsrb16 cifar10
COUNT ?= 39

# Training images of each model, drawn from all, and the epochs they need.
images-fashion-mnist := 30000
images-mnist := 30000
images-gtsrb16 := 12000
images-cifar10 := 25000
times-gtsrb16 := 3
times-cifar10 := 3
clean-gtsrb16 := gtsrb16:test
batch-lenet5 := 32
epochs-lenet5 := 3

made := $(foreach n,$(NETS),$(foreach s,$(SETS),$(OUT)/$n/$s/controls.json))
net = $(call part,1,$*)
set = $(call part,2,$*)

.PHONY: controls ship
controls: $(made)
.DEFAULT_GOAL := controls

$(OUT)/%/controls.json: | $(OUT)/.have-$$(set)
	$(folder) trapdoor-defend controls $(filter-out --force,$(flags)) --net $(net) --data $(set) \
	  --images $(images-$(set)) --batch $(or $(batch-$(net)),64) \
	  --epochs $$(($(or $(epochs-$(net)),2) * $(or $(times-$(set)),1))) --count $(COUNT) \
	  --clean $(or $(clean-$(set)),$(set):test:0-2000) -o $(@D)

# Each on one line, without spaces.
KEEP := share/controls
ship:
	mkdir -p $(KEEP) && for file in $(wildcard $(OUT)/*/*/controls.json); do at=$${file%/*}; \
	  { sed 's/^ *//' $$file | tr -d '\n'; echo; } >$(KEEP)/$$(basename $${at%/*})-$${at##*/}.json || exit; done
