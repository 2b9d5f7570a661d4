# The map: which program is made of what.
#
#   make deps          install what building and testing needs (apt)
#   make               all programs, into build/, on all cores (-j1: on one)
#   make cuda          the GPU's half for all GPUs; make builds it for the GPU that is there
#   make NCCL_HOME=DIR GPUs of several processes joined by the NCCL of this folder; make takes that of CUDA or the system
#   make MPICC=mpicc.X training over processes by the MPI of this compiler; make takes mpicc, if it is there
#   make check         the test suite, without what takes long, by prove
#   make check/NAME    a room of tests, as check/stream, or the tests of that name, as check/vocab
#   make check-all     the whole test suite
#   make check-levels  the tests that compute with a network, at each level of MEMOSCOPE_ISA
#   make asan          the whole test suite under address and undefined-behaviour sanitizers
#   make fuzz bench    fuzz what reads bytes; measure speed
#   make gpu-check gpu-bench   test and measure the GPU's half, on a machine that has one
#   make pipelines/X   run an experiment; results in out/X
#   make install       programs and manual pages under PREFIX (/usr/local)
#   make clean         remove build/; BUILD=X: what the build made in X
#   make help          this
#   make pipelines     what experiments there are

# make takes a blank for the end of a name and $ for its own, and a shell takes signs for commands. So
# BUILD has none of them. PREFIX and DESTDIR stand in quotes, and may have all but $ and newlines.
quote := '
open := (
close := )
hash := \#
define newline


endef
SIGNS := ; & | < > ! * ? [ ] { } ~ ` " \ % : = $$ $(quote) $(hash) $(open) $(close)
ifneq ($(words x$(value BUILD)x)$(filter -%,$(value BUILD))$(strip $(foreach c,$(SIGNS),$(findstring $c,$(value BUILD)))),1)
$(error BUILD is to be a name of letters, digits and any of ./_-+,@ with no blank, because make and shells read the others)
endif
$(foreach v,PREFIX DESTDIR,$(if $(findstring $$,$(value $v))$(findstring $(newline),$(value $v)),$(error \
	$v has a dollar sign or a newline, which make reads: choose another folder)))
$(foreach v,$(.VARIABLES),$(if $(and $(findstring command,$(origin $v)),$(findstring $$,$(subst $$$$,,$(value $v)))),$(error \
	$v has a dollar sign, which make reads: write $$$$, or set $v in the environment: $v=... make ...)))
# $(call quoted,TEXT): one word of a shell
quoted = '$(subst ','\'',$(1))'

ifneq ($(filter deps,$(MAKECMDGOALS)),)
# What follows asks the compiler what it is, and on a bare machine deps is what
# brings one: so install first, then let another make read this file anew.
.PHONY: $(MAKECMDGOALS)
.NOTPARALLEL:
deps:
	@./deps.sh
$(filter-out deps,$(MAKECMDGOALS)): deps
	@$(MAKE) --no-print-directory -- $(call quoted,$@)
else

# As many jobs as there are cores, if neither the user nor an outer make said how many: make tells
# nobody of its -j while it reads this, but its command line and the environment do.
JOBS_SAID := $(shell { tr '\0' '\n' </proc/$$PPID/cmdline; printf '%s\n' $$MAKEFLAGS; } 2>/dev/null | \
	grep -E '^(-[bBdeiknpqrRsStvw]*j|--job)')
ifeq ($(JOBS_SAID),)
MAKEFLAGS += -j$(shell nproc)
endif

PREFIX ?= /usr/local
ifeq ($(BUILD),)
override BUILD := build
endif
CC ?= cc
CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla $(WERROR)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) -I. -pthread -ffp-contract=fast $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pthread $(LDFLAGS) $(SANITIZE)
# msgpack-c calls itself libmsgpackc up to 4.0 (Debian 12), libmsgpack-c from 5.0 (Debian 13).
MSGPACK := $(if $(findstring /,$(shell $(CC) -print-file-name=libmsgpack-c.so)),msgpack-c,msgpackc)
LDLIBS = $(BF16_LIBS) -l$(MSGPACK) -lxxhash -ljansson -lpcre2-8 -lm

# On x86-64 the CPU kernels are built once for each level of the instruction
# set and the best one is picked at run time; elsewhere once, without oneDNN's bfloat16.
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
# With checks of everything between vectors, -O3 takes a compiler minutes.
LEVEL_OPT = $(if $(SANITIZE),-O1,-O3)
ifeq ($(ARCH),x86_64)
LEVELS = v2 v3 v4
LEVEL_CFLAGS = -march=x86-64-$(1) $(if $(filter v4,$(1)),-mprefer-vector-width=512)
BF16 = bf16
BF16_LIBS = -ldnnl -lgomp
else
LEVELS = native
LEVEL_CFLAGS =
BF16 = bf16_none
endif

# The GPU's half is a shared object of its own, built where there are nvcc and cuBLAS of CUDA 12 or
# later. CUDA=0 leaves it out. Programs under a sanitizer do without.
NVCC ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
NVCC_RELEASE := $(if $(NVCC),$(shell $(NVCC) --version | sed -n 's/.*release \([0-9]*\).*/\1/p'))
CUDA_HOME = $(patsubst %/bin/,%,$(dir $(NVCC)))
CUDA_FOUND := $(and $(filter-out 0 1 2 3 4 5 6 7 8 9 10 11,$(NVCC_RELEASE)),$(wildcard \
	$(CUDA_HOME)/include/cublasLt.h),$(if $(SANITIZE),,plain),$(filter-out 0,$(or $(CUDA),1)))

# It takes minutes for all GPUs: the T4, the A100, the H100, and what is newer, which compiles the
# last one's PTX when it starts. So that is for who asks, and for who installs. Else it is built for
# the GPU that is here (for all, if it is one that nvcc does not know), and not without one.
ALL_ARCHS = 75 80 90
ifneq ($(CUDA_FOUND),)
ifneq ($(filter cuda install,$(MAKECMDGOALS))$(filter 1,$(CUDA)),)
CUDA_ARCHS ?= $(ALL_ARCHS)
else ifneq ($(wildcard /dev/nvidiactl /dev/dxg),)
GPU_ARCHS := $(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | \
	sed -n 's/^\([0-9]*\)\.\([0-9]\)$$/\1\2/p' | sort -nu)
CUDA_ARCHS ?= $(if $(GPU_ARCHS),$(if $(filter-out $(patsubst compute_%,%,$(shell $(NVCC) \
	--list-gpu-arch)),$(GPU_ARCHS)),$(ALL_ARCHS),$(GPU_ARCHS)),$(ALL_ARCHS))
endif
endif
# What was built for these and others is not built again.
ARCHS_BUILT := $(shell cat $(BUILD)/obj/cuda/archs 2>/dev/null)
ARCHS := $(if $(filter-out $(ARCHS_BUILT),$(CUDA_ARCHS)),$(CUDA_ARCHS),$(ARCHS_BUILT))
GPU_HALF := $(and $(CUDA_FOUND),$(CUDA_ARCHS))
CUDA_LIB = $(firstword $(wildcard $(CUDA_HOME)/lib64) $(CUDA_HOME)/lib)
# Debian's and Ubuntu's packages have beside nvcc the C++ compiler that it is content with.
NVCC_HOST = $(patsubst %,-ccbin %,$(wildcard $(dir $(NVCC))cuda-g++))
NVCC_FLAGS = $(NVCC_HOST) -std=c++20 -O3 -I. -Xcompiler -fPIC,-fvisibility=hidden \
	$(foreach a,$(ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) \
	-gencode arch=compute_$(lastword $(ARCHS)),code=compute_$(lastword $(ARCHS))

# What joins processes is a shared object of its own, too, built where there is a compiler for MPI.
# Open MPI and MPICH need one each: the object is for the MPI that MPICC belongs to. MPICC= leaves
# it out. Tests run with each MPI that is there.
MPICC ?= $(shell command -v mpicc)
MPI_OBJECT := $(BUILD)/comm-mpi.so
MPI_C := common/comm/mpi/comm_mpi.c
MPI_NAMES := openmpi mpich
MPI_TESTED := $(foreach m,$(MPI_NAMES),$(if $(shell command -v mpicc.$m),$(BUILD)/tests/comm-mpi.$m.so))

# And what joins GPUs by NCCL, whose header is that of NCCL_HOME, CUDA or the system. Tests have
# something plain in place of NCCL and CUDA (tests/comm/nccl).
NCCL_C := common/comm/nccl/comm_nccl.c common/comm/comm.c $(patsubst %,common/base/%.c,err escape utf8)
NCCL_INCLUDE := $(patsubst %/nccl.h,%,$(firstword $(wildcard $(addsuffix /nccl.h,$(NCCL_HOME:%=%/include) \
	$(CUDA_HOME)/include /usr/include))))
NCCL_LIB = $(firstword $(foreach d,$(NCCL_HOME:%=%/lib) $(CUDA_LIB) $(wildcard /usr/lib/*-linux-gnu) /usr/lib64 /usr/lib, \
	$(if $(wildcard $d/libnccl.so),$d)))
NCCL_OBJECT := $(BUILD)/comm-nccl.so
NCCL_FOUND := $(if $(and $(CUDA_FOUND),$(NCCL_INCLUDE),$(NCCL_LIB)),$(NCCL_OBJECT))
NCCL_TESTED := $(if $(and $(wildcard $(CUDA_HOME)/include/cuda_runtime_api.h),$(NCCL_INCLUDE)),$(BUILD)/tests/comm-nccl.so)
build_nccl = $(CC) $(ALL_CFLAGS) -isystem $(CUDA_HOME)/include -isystem $(NCCL_INCLUDE) -fPIC -fvisibility=hidden \
	-shared $(ALL_LDFLAGS) -o $@ $(1)

FILTERS := $(sort $(notdir $(basename $(wildcard filters/*.c))))
PROGRAMS := $(FILTERS:%=$(BUILD)/%)
COMMON := $(wildcard common/*/*.c) $(wildcard kernels/*.c)
LEVELLED := $(wildcard kernels/cpu/isa/*.c)
CPU := $(filter-out %/bf16.c %/bf16_none.c,$(wildcard kernels/cpu/*.c)) kernels/cpu/$(BF16).c
HARNESS_C := $(wildcard tests/kernels/harness/*.c) # the reference, and what compares with it
CUDA_C := $(wildcard kernels/cuda/*.c)
CUDA_CU := $(wildcard kernels/cuda/*.cu)

COMMON_OBJ := $(COMMON:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/common/page/assets.o $(CPU:%.c=$(BUILD)/obj/%.o) \
	$(foreach l,$(LEVELS),$(LEVELLED:%.c=$(BUILD)/obj/%.$(l).o))
LIBRARY := $(BUILD)/libmemoscope.a
HARNESS := $(BUILD)/tests/libharness.a
OBJECT := $(BUILD)/kernels-cuda.so
OBJECT_BASE := err escape utf8 # of common/base, for messages
OBJECT_OBJ := $(CUDA_CU:kernels/cuda/%.cu=$(BUILD)/obj/cuda/%.cu.o) \
	$(CUDA_C:kernels/cuda/%.c=$(BUILD)/obj/cuda/%.o) $(OBJECT_BASE:%=$(BUILD)/obj/cuda/%.o)
# The same kernels for the machine of tests/kernels/shim, which has what CUDA's libraries have.
SHIM := $(BUILD)/tests/libshim.a
SHIM_OBJ := $(CUDA_CU:%.cu=$(BUILD)/obj/shim/%.o) \
	$(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/device.c %/cublas.c %/graph.c,$(CUDA_C)) \
	$(wildcard tests/kernels/shim/*.c))
WATCHED_OBJ := $(CUDA_CU:%.cu=$(BUILD)/obj/watched/%.o)
# And as an object that programs open in the GPU's place: MEMOSCOPE_CUDA names it.
SHIM_OBJECT := $(BUILD)/tests/kernels-shim.so
SHIM_OBJECT_C := $(CUDA_CU) $(filter-out %/device.c %/cublas.c %/graph.c,$(CUDA_C)) $(wildcard tests/kernels/shim/*.c) \
	tests/kernels/harness/ref.c $(OBJECT_BASE:%=common/base/%.c)
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

# Scripts have no suffix. What they share (lib), templates and pictures are no pipelines.
PIPELINES := $(foreach p,$(filter-out %/lib,$(wildcard pipelines/*)),$(if $(suffix $(p)),,$(p)))

include tests/check.mk # the tests, and when they run

.DEFAULT_GOAL := all
.PHONY: all cuda tests bench gpu-check gpu-bench install clean help pipelines $(PIPELINES) always
.DELETE_ON_ERROR:
.SECONDARY:
always:

all: $(PROGRAMS) $(if $(GPU_HALF),$(OBJECT)) $(if $(MPICC),$(MPI_OBJECT)) $(if $(GPU_HALF),$(NCCL_FOUND))

ifneq ($(CUDA_FOUND),)
cuda: $(OBJECT) $(NCCL_FOUND)
else
cuda:
	@echo "make cuda: there is no nvcc with cuBLAS, of CUDA 12 or later" >&2; exit 1
endif

$(LIBRARY): $(COMMON_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(HARNESS): $(HARNESS_C:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# PyTorch's files are zip archives. What does not open them starts without that library.
$(BUILD)/model-import $(patsubst %,$(BUILD)/tests/model/%.t,torch_archive torch_file checkpoint): LDLIBS += -lzip
# What writes pages compresses.
$(BUILD)/attn-page $(patsubst tests/%.c,$(BUILD)/tests/%.t,$(wildcard tests/page/*.c)): LDLIBS += -lz
$(PROGRAMS): $(BUILD)/%: $(BUILD)/obj/filters/%.o $(LIBRARY)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(patsubst %,$(BUILD)/tests/kernels/%.t,cuda cuda_faults cuda_half): $(SHIM)
$(WATCHED:%.c=$(BUILD)/%.t): $(WATCHED_OBJ) $(SHIM) # in this order
$(BUILD)/tests/kernels/gpu.t: $(addprefix $(BUILD)/obj/,tests/kernels/gpu/host.o tests/kernels/gpu/fake.o cuda/device.o \
	cuda/cublas.o cuda/graph.o) $(SHIM) $(HARNESS) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/obj/tests/kernels/gpu/fake.o: ALL_CFLAGS += -isystem $(CUDA_HOME)/include

$(filter-out $(BUILD)/tests/kernels/gpu.t,$(TEST_PROGRAMS)): $(BUILD)/tests/%.t: $(BUILD)/obj/tests/%.o $(HARNESS) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(HARNESS) $(LIBRARY),$^) $(HARNESS) $(LIBRARY) $(LDLIBS)

$(SHIM): $(SHIM_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/obj/shim/%.o: %.cu
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -include tests/kernels/shim/shim.h -MMD -MP -x c -c -o $@ $<

$(WATCHED_OBJ): $(BUILD)/obj/watched/%.o: %.cu
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fsanitize=thread -DWATCH_ACCESSES -include tests/kernels/shim/shim.h -MMD -MP -x c -c -o $@ $<

# A jump from one fiber's stack to another's is no error, as a fortified longjmp takes it for:
# Ubuntu's gcc fortifies by itself.
$(BUILD)/obj/tests/kernels/shim/shim.o: ALL_CFLAGS += -U_FORTIFY_SOURCE
$(SHIM_OBJECT): ALL_CFLAGS += -U_FORTIFY_SOURCE
$(SHIM_OBJECT): $(SHIM_OBJECT_C) $(wildcard kernels/*.h kernels/cuda/*.h kernels/cuda/*.cuh) \
		$(wildcard tests/kernels/shim/*.h)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -include tests/kernels/shim/shim.h -x c $(SHIM_OBJECT_C) -x none -o $@ -lm

$(OBJECT): $(OBJECT_OBJ)
	$(NVCC) $(NVCC_HOST) -shared -cudart static -o $@ $^ -L$(CUDA_LIB) -lcublasLt -Xlinker -rpath,$(CUDA_LIB)

# An MPI's compiler is a wrapper: these say to it which one it is to call.
build_mpi = OMPI_CC=$(call quoted,$(CC)) MPICH_CC=$(call quoted,$(CC)) $(1) $(ALL_CFLAGS) -fPIC -fvisibility=hidden \
	-shared $(ALL_LDFLAGS) -o $@ $(MPI_C)
$(MPI_OBJECT): $(MPI_C) $(wildcard common/comm/*.h) common/base/err.h $(BUILD)/obj/mpicc
	@mkdir -p $(@D)
	$(call build_mpi,$(MPICC))
$(BUILD)/tests/comm-mpi.%.so: $(MPI_C) $(wildcard common/comm/*.h) common/base/err.h
	@mkdir -p $(@D)
	$(call build_mpi,mpicc.$*)
# What was built for one MPI is built anew for another one.
$(BUILD)/obj/mpicc: $(if $(filter-out $(shell cat $(BUILD)/obj/mpicc 2>/dev/null),$(MPICC) $(realpath $(MPICC))),always)
	@mkdir -p $(@D)
	@echo $(MPICC) $(realpath $(MPICC)) >$@

$(NCCL_OBJECT): $(NCCL_C) $(wildcard common/comm/*.h) common/base/err.h
	@mkdir -p $(@D)
	$(call build_nccl,$(NCCL_C) -L$(CUDA_LIB) -L$(NCCL_LIB) -lnccl -lcudart_static -lpthread -ldl -lrt \
		-Xlinker -rpath -Xlinker $(NCCL_LIB))
$(BUILD)/tests/comm-nccl.so: $(NCCL_C) $(wildcard tests/comm/nccl/*.c common/comm/*.h) common/base/err.h
	@mkdir -p $(@D)
	$(call build_nccl,$(NCCL_C) $(wildcard tests/comm/nccl/*.c))

$(BUILD)/obj/cuda/archs: $(if $(filter-out $(ARCHS_BUILT),$(ARCHS)),always)
	@mkdir -p $(@D)
	@echo $(ARCHS) >$@

$(BUILD)/obj/cuda/%.cu.o: kernels/cuda/%.cu $(BUILD)/obj/cuda/archs
	@mkdir -p $(@D)
	$(NVCC) $(NVCC_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/cuda/%.o: kernels/cuda/%.c $(BUILD)/obj/cuda/archs
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DCUDA_ARCH_LEAST=$(firstword $(ARCHS) $(ALL_ARCHS)) -fPIC -fvisibility=hidden \
		-isystem $(CUDA_HOME)/include -MMD -MP -c -o $@ $<

$(OBJECT_BASE:%=$(BUILD)/obj/cuda/%.o): $(BUILD)/obj/cuda/%.o: common/base/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(TEST_TOOLS): $(BUILD)/%: $(BUILD)/obj/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/tools/faults.so: tests/tools/faults/faults.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The names that phonegen comes with, as C string literals.
$(BUILD)/gen/names.inc: testdata/names.txt
	@mkdir -p $(@D)
	sed 's/.*/"&\\n"/' $< > $@
$(BUILD)/obj/common/data/names.o: $(BUILD)/gen/names.inc
$(BUILD)/obj/common/data/names.o: ALL_CFLAGS += -I$(BUILD)/gen

# The sources of the attention page, its script in one, and the hashes by which a browser knows the
# style and the script again.
PAGE_SCRIPT := data look view text readout heads matrix control start
PAGE_SOURCES := $(addprefix $(BUILD)/gen/attention.,html css js)
$(BUILD)/gen/attention.js: $(PAGE_SCRIPT:%=common/page/attention/%.js)
	@mkdir -p $(@D)
	cat $^ >$@
$(BUILD)/gen/attention.%: common/page/attention/page.%
	@mkdir -p $(@D)
	cp $< $@
$(BUILD)/obj/common/page/assets.o: common/page/assets.S $(PAGE_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wa,-I$(BUILD)/gen -c -o $@ $<
$(BUILD)/gen/attention_hashes.inc: $(filter-out %.html,$(PAGE_SOURCES))
	for file in $^; do \
		hash=$$(sha256sum <$$file | cut -d ' ' -f 1 | tr a-f A-F | basenc -d --base16 | base64) && \
		echo "#define ATTENTION_$$(echo $${file##*.} | tr a-z A-Z)_HASH \"sha256-$$hash\"" || exit 1; \
	done >$@
$(BUILD)/obj/common/page/attention_page.o: $(BUILD)/gen/attention_hashes.inc
$(BUILD)/obj/common/page/attention_page.o: ALL_CFLAGS += -I$(BUILD)/gen

define level_rule
$(BUILD)/obj/kernels/cpu/isa/%.$(1).o: kernels/cpu/isa/%.c
	@mkdir -p $$(@D)
	$(CC) $(ALL_CFLAGS) $(LEVEL_OPT) -fopenmp-simd -Wno-pass-failed -fno-math-errno -fno-trapping-math $(call LEVEL_CFLAGS,$(1)) -DISA=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call level_rule,$(l))))

tests: $(TEST_PROGRAMS) $(TEST_TOOLS) $(FAULTS) $(MPI_TESTED) $(NCCL_TESTED) $(SHIM_OBJECT) $(BUILD)/gpu/check $(BENCHES)

$(BENCHES): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

bench: all $(BENCHES)
	BUILD=$(BUILD) tests/bench/run

$(BUILD)/gpu/check: $(BUILD)/obj/tests/kernels/gpu/check.o $(HARNESS) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

# The object's whole name, of which the shell makes the beginning: make reads the blanks of a folder.
absolute = $$(cd $(dir $(OBJECT)) && pwd)/$(notdir $(OBJECT))

gpu-check: all $(BUILD)/gpu/check
	BUILD=$(BUILD) MEMOSCOPE_CUDA="$(absolute)" tests/kernels/gpu/run

gpu-bench: all $(BENCHES)
	BUILD=$(BUILD) MEMOSCOPE_CUDA="$(absolute)" tests/bench/gpu

# An experiment is a script; what it finds is in out/NAME.
# One after the other: each takes all processors, and may make the model of another one.
$(PIPELINES): all $(BUILD)/bench/matmul
	BUILD=$(BUILD) flock $(BUILD)/pipelines.lock $@

# The second line of a script says what it is: "# NAME - ...".
pipelines:
	@for p in $(PIPELINES); do sed -n "2s|^# [^ ]* - |$$p\t|p" $$p; done | expand -t 32

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile
	@echo
	@$(MAKE) --no-print-directory pipelines

TO = $(call quoted,$(DESTDIR)$(PREFIX))
install: all
	install -d -- $(TO)/bin $(TO)/share/man/man1 $(TO)/share/man/man5 $(TO)/share/man/man7 $(TO)/share/memoscope
	install -- $(PROGRAMS) $(TO)/bin
	if [ -f $(OBJECT) ]; then \
		install -D -m 644 -- $(OBJECT) $(TO)/lib/memoscope/$(notdir $(OBJECT)); \
	fi
	if [ -f $(MPI_OBJECT) ]; then \
		install -D -m 644 -- $(MPI_OBJECT) $(TO)/lib/memoscope/$(notdir $(MPI_OBJECT)); \
	fi
	if [ -f $(NCCL_OBJECT) ]; then \
		install -D -m 644 -- $(NCCL_OBJECT) $(TO)/lib/memoscope/$(notdir $(NCCL_OBJECT)); \
	fi
	for s in 1 5 7; do \
		install -m 644 -- man/*.$$s $(TO)/share/man/man$$s || exit 1; \
	done
	install -m 644 -- $(wildcard testdata/*.*) $(TO)/share/memoscope
	install -d -- $(TO)/share/memoscope/phonebook
	install -m 644 -- testdata/phonebook/* $(TO)/share/memoscope/phonebook

# build/ is the build's own. Another folder may have other files: there go the files that a build
# makes, by their names, folders that are then empty, and through no link.
OBJ_ROOMS := $(addprefix $(BUILD)/obj/,common cuda filters kernels shim tests watched)
MADE_BELOW = $(MPI_NAMES:%=$(BUILD)/tests/comm-mpi.%.so) $(BUILD)/tests/comm-nccl.so $(HARNESS) $(SHIM) $(SHIM_OBJECT) $(TEST_PROGRAMS) $(TEST_TOOLS) $(BUILD)/tests/tools/faults.so \
	$(BENCHES) $(BUILD)/gpu/check $(addprefix $(BUILD)/gen/,names.inc attention_hashes.inc \
	attention.html attention.css attention.js)
clean:
ifeq ($(BUILD),build)
	rm -rf build
else
	@if [ -e $(BUILD) ] && [ ! -d $(BUILD)/obj/common ]; then \
		echo "make clean: $(BUILD) has no build, and nothing is removed" >&2; exit 2; \
	fi
	rm -f $(PROGRAMS) $(LIBRARY) $(OBJECT) $(MPI_OBJECT) $(NCCL_OBJECT) $(BUILD)/obj/mpicc $(BUILD)/pipelines.lock
	@find $(sort $(foreach f,$(MADE_BELOW),$(BUILD)/$(firstword $(subst /, ,$(f:$(BUILD)/%=%))))) -type f \
		\( $(patsubst %,-path % -o,$(MADE_BELOW)) -false \) -delete 2>/dev/null || true
	@find $(BUILD)/obj -depth \( $(foreach r,$(OBJ_ROOMS),-path '$r/*' -o -path $r -o) -path '$(BUILD)/obj/cuda/archs' \) \
		\( -type f \( -name '*.[od]' -o -name archs \) -delete -o -type d -empty -delete \) 2>/dev/null || true
	@printf '%s\n' $(BUILD) $(BUILD)/obj $(dir $(MADE_BELOW)) $(BUILD)/tests | sort -ur | xargs rmdir 2>/dev/null || true
	@[ ! -e $(BUILD) ] || echo "make clean: $(BUILD) has other files, which stay"
endif

include $(wildcard tests/fuzz/fuzz.mk)
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
endif
