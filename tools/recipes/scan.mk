# SPDX-License-Identifier: MIT
# Screens the models of a folder (trapdoor-defend scan) in parts, for several cores or a cluster:
#
#   make -f tools/recipes/scan.mk MODELS=models CLEAN=fashion-mnist:test:0-2000 -j 2 THREADS=1
#
# OUT gets a folder for each model and scan.json. Models that come later are screened by the same
# command.
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

.PHONY: scan
scan: $(OUT)/scan.json
.DEFAULT_GOAL := scan

screen = trapdoor-defend scan $(MODELS) $(filter-out --force,$(flags)) --clean $(CLEAN) \
  $(if $(CONTROLS),--controls $(CONTROLS)) $(OPTIONS) -o $(OUT)

# A part ends with status 1 if a model cannot be read; scan.json names it.
$(OUT)/.parts/%.json: $(wildcard $(MODELS))
	$(folder) rm -f $@ && $(screen) --part $*/$(PARTS) --json $@ || test $$? -eq 1

.PRECIOUS: $(OUT)/scan.json
$(OUT)/scan.json: $(patsubst %,$(OUT)/.parts/%.json,$(wordlist 1,$(PARTS),$(numbers)))
	$(folder) $(screen)
