# SPDX-License-Identifier: MIT
# Common part of the recipes. A recipe is a makefile whose targets are the files that the tools
# write, so `make -j`, interrupting and restarting work as expected: only missing files are made.
# README.md beside this file explains their use, also on a cluster.
#
#   make -f tools/recipes/friendnet.mk [SCALE=quick|paper] [FIRST=1] [SEEDS=3] [OUT=FOLDER]
#   [THREADS=N]
#
# The path of a file encodes its settings: OUT/DATA/RATIO/SEED/enemy.safetensors. A recipe sets
# `measured` to its records; OUT/results.md finally shows them beside the paper's figures from
# NAME.expect.json.
SCALE ?= quick
SEEDS ?= 3
FIRST ?= 1
recipe := $(basename $(notdir $(firstword $(MAKEFILE_LIST))))
# A recipe lists in `apart` variables whose values get their own folders and results.
called := $(recipe)-$(SCALE)$(foreach v,$(apart),-$($v))
OUT ?= out/$(called)
common := $(abspath $(lastword $(MAKEFILE_LIST)))
here := $(dir $(common))
root := $(abspath $(here)/../..)
BUILD ?= $(root)/build

# plain NAME PATH: refuses a path that make or the shell would misinterpret.
hash := \#
odd := : = % ; & | < > ' " \ * ? [ ] ( ) ` ~ $$ $(hash)
plain = $(if $(filter 1,$(words $2)),$(if $(strip $(foreach c,$(odd),$(findstring $c,$2))),$(call \
  refused,$1,$2)),$(call refused,$1,$2))
refused = $(error $1: expected a path without blanks, colons, quotes and the like, found "$2")
$(call plain,the folder of the recipes,$(common))
$(call plain,BUILD,$(BUILD))
$(call plain,OUT,$(OUT))

digits := 0 1 2 3 4 5 6 7 8 9
numbers := $(filter-out 0,$(patsubst 0%,%,$(foreach t,$(digits),$(foreach u,$(digits),$t$u))))
ifeq ($(filter quick paper,$(SCALE)),)
$(error SCALE: expected quick or paper, found "$(SCALE)")
endif
ifneq ($(words $(SEEDS)) $(filter $(SEEDS),$(numbers)),1 $(SEEDS))
$(error SEEDS: expected a whole number from 1 to 99, found "$(SEEDS)")
endif

ifneq ($(words $(FIRST)) $(filter $(FIRST),$(wordlist 1,$(SEEDS),$(numbers))),1 $(FIRST))
$(error FIRST: expected a whole number from 1 to SEEDS, found "$(FIRST)")
endif

# An uninstalled build comes first; without one the installed tools are used.
space := $(subst ,, )
comma := ,
export PATH := $(subst $(space),:,$(strip $(wildcard $(BUILD)/tools/*))):$(PATH)
# datasets/ of a checkout, or beside the installed recipes.
export TRAPDOOR_DATA ?= $(abspath $(firstword $(wildcard $(here)../datasets) $(root)/datasets))

# Two makes in one folder would take each other's partial files for complete ones. The lock is taken
# when the makefile is read, by this host's shell whatever SHELL is, and not if nothing is made. Its
# steps hold it, too, since they outlive a killed make; those of another launcher do not.
# Makes of single seeds (FIRST equals SEEDS) share no files but `mixed`, and may use one folder
# together, unless the recipe sets `joint`: its models of all seeds are judged together.
part-made := $(if $(joint),,$(if $(filter $(FIRST),$(SEEDS)),$(if $(filter \
  records,$(MAKECMDGOALS)),$(FIRST))))
looking := $(findstring n,$(filter-out ---%,$(firstword -$(MAKEFLAGS))))$(findstring \
  q,$(filter-out ---%,$(firstword -$(MAKEFLAGS))))
ifneq ($(filter-out status results keep,$(or $(MAKECMDGOALS),all)),)
ifeq ($(looking),)
launcher := $(SHELL)
launcher-flags := $(if $(filter default,$(origin .SHELLFLAGS)),$(here)step \
  $(OUT)/.making$(part-made:%=-%),$(.SHELLFLAGS))
override SHELL := /bin/sh
override .SHELLFLAGS := -c
locked := $(shell sh $(here)lock $(OUT) $$PPID $(part-made))
override SHELL := $(launcher)
override .SHELLFLAGS := $(launcher-flags)
ifneq ($(locked),)
$(error $(recipe): $(locked))
endif
endif
endif

.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SECONDARY:

seeds := $(wordlist $(FIRST),$(SEEDS),$(numbers))
flags := -q --force$(if $(THREADS), --threads $(THREADS))

# by-scale QUICK PAPER
by-scale = $(if $(filter quick,$(SCALE)),$1,$2)
# part N STEM: the N-th folder of a stem
part = $(word $1,$(subst /, ,$2))
# times A B C: all paths A/B/C
times = $(foreach a,$1,$(foreach b,$2,$(foreach c,$3,$a/$b/$c)))

# The first words of each command: create the folder of its target. A rule is one command, so that a
# cluster's launcher, as SHELL, starts one job per target.
folder = mkdir -p $(@D) &&

# A target for each data set of the recipe: succeeds if it exists, otherwise prints how to get it.
$(OUT)/.have-%:
	@$(folder) { trapdoor-data info $* >/dev/null || { echo "$(recipe): the data set $* is needed; \
	datasets/fetch $* gets it" >&2; exit 1; }; } && touch $@

# mixed SET SPLIT: the images in random order, for rules that take the first ones: a set of class
# folders is sorted by class. Makes of single seeds that need them at once wait for the first, or,
# where files cannot be locked, write the same bytes: rules have them behind "|", since they may be
# newer than what was made of them.
mixed = $(OUT)/mixed/$1/$2.safetensors
$(OUT)/mixed/%.safetensors: | $(OUT)/.have-$$(call part,1,$$*)
	$(folder) { flock 8 2>/dev/null; test -e $@ || trapdoor-data import $(flags) \
	  $(call part,1,$*):$(call part,2,$*) --shuffle -o $@; } 8>>$(OUT)/.have-$(call part,1,$*)

# Command-line variables other than scale and seeds, such as NETS='cnn vgg16', except those for
# where and how it runs.
where := SCALE FIRST SEEDS OUT BUILD THREADS KEEP TRAPDOOR_DATA SHELL .SHELLFLAGS $(apart)
given := $(strip $(foreach v,$(filter-out $(where),$(sort $(.VARIABLES))),$(if \
  $(filter command,$(origin $v)),$v='$(value $v)')))

# The records beside the paper's figures, and the records of `shown` as one page.
shown ?= $(OUT)
expectations ?= $(here)$(recipe).expect.json
report-as ?= --expect $(expectations)
about ?=
make-results = commit=$$(test -e $(root)/.git && \
  git -C $(root) describe --always --dirty 2>/dev/null); \
  trapdoor-report $(shown) --force --title "$(recipe), $(SCALE)$(foreach v,$(apart),$(comma) $($v))" $(report-as) \
  --note "recipe $(recipe), SCALE=$(SCALE) SEEDS=$(SEEDS)$(foreach v,$(apart), $v=$($v))$(if $(given), $(given))$(about)" $${commit:+--note "commit $$commit"} \
  -o $(OUT)/report.html

.PHONY: all records results status keep clean
all: $(OUT)/results.json $(OUT)/results.md $(OUT)/report.html
$(OUT)/results.json: $$(measured) $(expectations) $$(if $$(absent),more)
	$(folder) $(make-results)
# Intermediate files may be missing once the results exist (.SECONDARY); records, such as those of
# one more seed, are made.
lacking = $(filter-out $(wildcard $1),$1)
absent = $(call lacking,$(measured))
.PHONY: more
more:
$(OUT)/results.md $(OUT)/report.html: $(OUT)/results.json ;

# The same from existing records only.
results:
	$(make-results)
# Only the records, without tables: for a part, when several are made at once.
records: $$(measured)
# Copies results.md and its pictures to KEEP, without models and records.
KEEP ?= results/$(called)
$(call plain,KEEP,$(KEEP))
keep:
	@test -s $(OUT)/results.md || { echo "$(recipe): $(OUT) has no results.md to keep" >&2; exit 1; }
	mkdir -p $(KEEP) && tar -C $(OUT) -cf - results.md \
	  $$(sed -n 's/^!\[.*\](\(.*\))$$/\1/p' $(OUT)/results.md) | tar -C $(KEEP) -xf -
# Shows the progress.
status:
	@sh $(here)status $(called) $(OUT) $(.DEFAULT_GOAL) $(MAKE) -f $(firstword $(MAKEFILE_LIST))
clean:
	rm -rf $(OUT)
