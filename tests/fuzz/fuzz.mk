# make fuzz: every target of tests/fuzz for FUZZ_SECONDS, from seeds that our own
# filters make. Needs clang, which brings libFuzzer. What was found stays in
# build/fuzz/corpus; what failed is build/fuzz/crash-*.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) -I. -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined
# without what needs files that the build makes
FUZZ_COMMON := $(filter-out common/data/names.c common/page/attention_page.c,$(wildcard common/*/*.c))
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))

.PHONY: fuzz
fuzz: all $(TEST_TOOLS) $(FUZZ_TARGETS)
	BUILD=$(BUILD) FUZZ_SECONDS=$(call quoted,$(FUZZ_SECONDS)) tests/fuzz/run $(notdir $(FUZZ_TARGETS))

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

build/fuzz/libcommon.a: $(FUZZ_COMMON:%.c=build/fuzz/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

build/fuzz/checkpoint: LDLIBS += -lzip
$(FUZZ_TARGETS): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/libcommon.a
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(filter-out $(BF16_LIBS),$(LDLIBS))

-include $(shell find build/fuzz/obj -name '*.d' 2>/dev/null)
