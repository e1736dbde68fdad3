# What the recipes share. A recipe is a makefile whose targets are the files that the tools write, so
# `make -j`, an interruption and a second start do what they should: only what is missing is made.
#
#   make -f tools/recipes/friendnet.mk [SCALE=quick|paper] [SEEDS=3] [OUT=FOLDER] [THREADS=N]
#
# The path of a file says how it was made: OUT/DATA/RATIO/SEED/enemy.safetensors.
SCALE ?= quick
SEEDS ?= 3
recipe := $(basename $(notdir $(firstword $(MAKEFILE_LIST))))
OUT ?= out/$(recipe)-$(SCALE)
root := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
BUILD ?= $(root)/build

ifeq ($(filter quick paper,$(SCALE)),)
$(error SCALE: expected quick or paper, found "$(SCALE)")
endif
ifneq ($(shell expr "$(SEEDS)" : '[1-9][0-9]*$$' '|' 0 >/dev/null && echo yes),yes)
$(error SEEDS: expected a whole number above 0, found "$(SEEDS)")
endif

# An uninstalled build comes first; without one the installed tools are used.
space := $(subst ,, )
export PATH := $(subst $(space),:,$(strip $(wildcard $(BUILD)/tools/*))):$(PATH)
export TRAPDOOR_DATA ?= $(root)/datasets

.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SECONDARY:

seeds := $(shell seq 1 $(SEEDS))
flags := -q --force$(if $(THREADS), --threads $(THREADS))

# by-scale QUICK PAPER
by-scale = $(if $(filter quick,$(SCALE)),$1,$2)
# part N STEM: the N-th folder of a stem
part = $(word $1,$(subst /, ,$2))
# times A B C: all paths A/B/C
times = $(foreach a,$1,$(foreach b,$2,$(foreach c,$3,$a/$b/$c)))

# The first command of each rule: the folder of its target.
folder = @mkdir -p $(@D)

# A target for each data set of the recipe: it is there, or how to get it is said.
$(OUT)/.have-%:
	$(folder)
	@trapdoor-data info $* >/dev/null || { echo "$(recipe): the data set $* is needed; \
	datasets/fetch $* gets it" >&2; exit 1; }
	@touch $@

.PHONY: all clean
all:
clean:
	rm -rf $(OUT)
