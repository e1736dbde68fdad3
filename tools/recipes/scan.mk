# SPDX-License-Identifier: MIT
# Screens the models of a folder (trapdoor-defend scan) in parts, for several cores or a cluster:
#
#   make -f tools/recipes/scan.mk MODELS=models CLEAN=fashion-mnist:test:0-2000 -j 2 THREADS=1
#
# OUT gets a folder for each model and scan.json. Models that come later are screened by the same
# command; one that changes takes another OUT.
include $(or $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))common.mk),$(error the folder of the recipes: \
  expected common.mk and a path without blanks, found "$(strip $(MAKEFILE_LIST))"))

PARTS ?= 20
CONTROLS ?=
OPTIONS ?=

ifneq ($(words $(PARTS)) $(filter $(PARTS),$(numbers)),1 $(PARTS))
$(error PARTS: expected a whole number from 1 to 99, found "$(PARTS)")
endif
$(call plain,MODELS,$(MODELS))
ifeq ($(CLEAN),)
$(error CLEAN: expected the clean images, as in CLEAN=fashion-mnist:test:0-2000, found none)
endif

# A model that is written anew changes neither the folder's time nor the names in it.
models := $(wildcard $(wildcard $(MODELS) $(MODELS)/*) $(wildcard $(CONTROLS)))

.PHONY: scan
scan: $(OUT)/.parts/all
.DEFAULT_GOAL := scan

screen = trapdoor-defend scan $(MODELS) $(filter-out --force,$(flags)) --clean $(CLEAN) \
  $(if $(CONTROLS),--controls $(CONTROLS)) $(OPTIONS) -o $(OUT)

# A part ends with status 1, and has its record, if a model cannot be screened; scan.json names it.
$(OUT)/.parts/%.json: $(models)
	$(folder) rm -f $@ && $(screen) --part $*/$(PARTS) --json $@ || { test $$? -eq 1 && test -s $@; }

# Not a file of the tool, which writes scan.json even if a model cannot be screened.
$(OUT)/.parts/all: $(patsubst %,$(OUT)/.parts/%.json,$(wordlist 1,$(PARTS),$(numbers)))
	$(folder) $(screen) && touch $@
