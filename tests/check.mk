# check.mk - the tests, and when they run: make check, check-all, check-levels, check/NAME, asan.
#
# A test is a file tests/ROOM/NAME.c or tests/ROOM/NAME.sh. The tests of the whole house are
# tests/NAME.sh.
TEST_ROOMS := base stream data comm model train sample eval page kernels filters pipelines browser

# What takes long, and what few changes can break, is for make check-all: pipelines that train many
# networks, tests that break a kernel in many ways, each of which must be noticed, and a browser.
SLOW := browser cuda_races cuda_faults cuda_traffic ops_reference cuda_half temperature quizzes gpu findings sweep
# These are begun first, the longest at the head, so that none is left for the end.
LONG := $(SLOW) ops cuda gpt-train gpt-train-faults faults qamix man house badinput which-heads

# Kernels with each load and store watched (tests/kernels/shim/watch.h). A compiler cannot do that
# together with another sanitizer.
WATCHED := $(addprefix tests/kernels/,cuda_races.c cuda_traffic.c)
# These ask whether tests notice broken kernels, which is no question for a sanitizer.
UNSANITIZED := $(WATCHED) tests/kernels/cuda_faults.c tests/kernels/ops_reference.c

TESTS_C := $(wildcard $(TEST_ROOMS:%=tests/%/*.c))
TESTS_C := $(if $(SANITIZE),$(filter-out $(UNSANITIZED),$(TESTS_C)),$(TESTS_C))
TESTS_SH := $(filter-out tests/lib.sh tests/browser/lib.sh tests/comm/lib.sh,$(wildcard tests/*.sh $(TEST_ROOMS:%=tests/%/*.sh)))
# tests/kernels/gpu/host.c, where CUDA's headers are
GPU_TEST := $(if $(CUDA_FOUND),$(BUILD)/tests/kernels/gpu.t)
TEST_PROGRAMS := $(TESTS_C:tests/%.c=$(BUILD)/tests/%.t) $(GPU_TEST)
TEST_TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c)) # what shell tests need
# For LD_PRELOAD, which a sanitizer's library does not go with.
FAULTS := $(if $(SANITIZE),,$(BUILD)/tests/tools/faults.so)
TESTS := $(TESTS_SH) $(TEST_PROGRAMS)

# $(call named,NAME...): the tests of these names, and of folders of these names
named = $(strip $(foreach t,$(TESTS),$(if $(filter $(1),$(basename $(notdir $t)) $(filter-out tests, \
	$(notdir $(patsubst %/,%,$(dir $t))))),$t)))
# $(call needs,TEST...): what is to be built for them. A script needs the programs and tools that it
# or the lib.sh beside it names, or all of them if it goes over all.
OVER_ALL := $(wildcard tests/*.sh tests/pipelines/*.sh) tests/filters/badinput.sh tests/browser/report.sh
needs = $(filter %.t,$(1)) $(if $(filter %.sh,$(1)),$(if $(filter $(OVER_ALL),$(1)),$(PROGRAMS) \
	$(TEST_TOOLS),$(call mentioned,$(PROGRAMS) $(TEST_TOOLS),$(1))) $(if $(shell grep -l \
	kernels-shim $(filter %.sh,$(1))),$(SHIM_OBJECT)) $(if $(shell grep -l faults.so \
	$(filter %.sh,$(1))),$(FAULTS)) $(if $(filter tests/comm/%.sh,$(1)),$(MPI_TESTED) $(NCCL_TESTED)))
mentioned = $(foreach w,$(shell grep -owhE '[a-z]+([-_][a-z]+)*' $(filter %.sh,$(2)) $(wildcard $(addsuffix lib.sh, \
	$(sort tests/ $(dir $(filter %.sh,$(2)))))) | sort -u),$(filter %/$w,$(1)))
# $(call prove,TEST...): TAP of C programs and shell scripts side by side. Signals that are ignored
# where make was called - in the background, under nohup - would not reach what tests interrupt.
prove = BUILD=$(BUILD) env --default-signal prove -j$(call quoted,$(TEST_JOBS)) $(call ordered,$(1))
ordered = $(filter $(1),$(foreach n,$(LONG),$(call named,$n))) $(filter-out $(call named,$(LONG)),$(1))
TEST_JOBS ?= $(shell nproc)

FAST := $(filter-out $(call named,$(SLOW)),$(TESTS))
# What computes with a network: on the CPU's table, or by a program, a pipeline or the manual's
# examples. But for what goes over the levels by itself, for the GPU's kernels, and for errors.
NETWORK = $(filter-out $(call named,gpt gpt_inspect gpt_patch kv_cache isa ops cuda cuda_faults cuda_half cuda_traffic \
	badinput browser device faults gpt-train-faults house threads),$(patsubst tests/%.c,$(BUILD)/tests/%.t,$(shell \
	grep -lw $(NETWORK_SIGNS:%=-e '%') $(TESTS_C) $(TESTS_SH))) $(call named,man))
NETWORK_SIGNS = kernels_cpu kernels_find.*cpu tests/train/trainer.h gpt-train gpt-sample gpt-score \
	act-dump act-patch attn-dump head-score runs

.PHONY: check check-all check-levels asan

check: all $(call needs,$(FAST))
	@$(call prove,$(FAST))

check-all: all tests
	@$(call prove,$(TESTS))

# AT='v2 v3': at these levels, else at all that the processor has
check-levels: $(PROGRAMS) tests
	@failed=; for level in $${AT:-$$($(BUILD)/tests/tools/levels)}; do \
		echo "== at level $$level of the instruction set"; \
		MEMOSCOPE_ISA=$$level $(call prove,$(NETWORK)) || failed="$$failed $$level"; \
	done; \
	[ -z "$$failed" ] || { echo "check-levels: failed at$$failed" >&2; exit 1; }

# The same tests, with every access to memory and every operation watched. Tests ask for more
# memory than there is; that must fail as it does elsewhere.
asan:
	@ASAN_OPTIONS=allocator_may_return_null=1 $(MAKE) --no-print-directory BUILD=build/asan \
		CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check-all

.SECONDEXPANSION:
check/%: $$(call needs,$$(call named,$$*)) always
	@$(or $(if $(call named,$*),$(call prove,$(call named,$*))),echo \
		$(call quoted,make: there is no test and no folder of tests that is called $*) >&2; exit 2)
