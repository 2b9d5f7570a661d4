#!/usr/bin/env python3
"""patching.py PEER MODEL TEXTS PARTNERS THREADS BATCH - patch each head alone, as peers do it.

PEER is transformers, with forward hooks and its fused attention, or lens: TransformerLens (4.3 or
later), whose get_act_patch_attn_head_out_all_pos sweeps over the heads. TEXTS and PARTNERS are
streams of tokens as mpcat prints them, of pairs that fit row by row. BATCH pairs go through the
network at once, filled up to one length.

Prints a line "id<TAB>head:L.H<TAB>effect" for each pair and head, as act-patch --sweep head has
them. Says on stderr how many seconds it took once Python, its modules and the model were loaded.
"""
import json
import sys
import time

import torch

peer, directory, texts, partners = sys.argv[1:5]
threads, batch = map(int, sys.argv[5:])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def read(path):
    return [json.loads(line) for line in open(path)]


def answer(record):
    return [i for begin, end, kind, *_ in record["spans"] if kind == "answer" for i in range(begin, end)]


class Pairs:
    """Some pairs, filled up, and where their answers differ."""

    def __init__(self, pairs):
        self.ids = [a["id"] for a, _ in pairs]
        length = max(len(text["tokens"]) for pair in pairs for text in pair)

        def tokens(side):
            return torch.tensor([p[side]["tokens"] + [0] * (length - len(p[side]["tokens"])) for p in pairs])

        self.tokens, self.partners = tokens(0), tokens(1)
        spots = [(n, i) for n, (a, b) in enumerate(pairs) for i in answer(a)
                 if a["tokens"][i] != b["tokens"][i]]
        self.pair, place = (torch.tensor(x) for x in zip(*spots))
        self.place = place - 1
        self.right, self.wrong = self.tokens[self.pair, place], self.partners[self.pair, place]

    def difference(self, logits):
        """Of each pair, the log-probabilities of its answer minus those of its partner's, for logits
        [spots, vocabulary]."""
        p = logits.log_softmax(-1)
        spot = torch.arange(len(p))
        return torch.zeros(len(self.ids)).index_add(0, self.pair, p[spot, self.right] - p[spot, self.wrong])


def by_hooks(model, pairs):
    """Effects [pairs, layers, heads] by hooks."""
    gpt, config = model.transformer, model.config
    width = config.n_embd // config.n_head
    z = {}

    def logits(tokens):
        last = gpt(tokens, use_cache=False).last_hidden_state
        return model.lm_head(last[pairs.pair, pairs.place])

    def keep(layer):
        return gpt.h[layer].attn.c_proj.register_forward_pre_hook(lambda m, i: z.update({layer: i[0]}))

    def patch(layer, head):
        columns = slice(head * width, (head + 1) * width)

        def hook(module, inputs):
            x = inputs[0].clone()
            x[..., columns] = z[layer][..., columns]
            return (x,)
        return gpt.h[layer].attn.c_proj.register_forward_pre_hook(hook)

    hooks = [keep(layer) for layer in range(config.n_layer)]
    high = pairs.difference(logits(pairs.partners))
    for hook in hooks:
        hook.remove()
    low = pairs.difference(logits(pairs.tokens))
    effects = torch.zeros(len(pairs.ids), config.n_layer, config.n_head)
    for layer in range(config.n_layer):
        for head in range(config.n_head):
            hook = patch(layer, head)
            effects[:, layer, head] = (pairs.difference(logits(pairs.tokens)) - low) / (high - low)
            hook.remove()
    return effects


def lens(model, pairs):
    """The same by TransformerLens."""
    def difference(logits):
        return pairs.difference(logits[pairs.pair, pairs.place])

    logits, cache = model.run_with_cache(pairs.partners, names_filter=lambda name: name.endswith("hook_z"))
    high, low = difference(logits), difference(model(pairs.tokens))
    found = patching.get_act_patch_attn_head_out_all_pos(model, pairs.tokens, cache, difference,
                                                         reduce="none")
    return (found.values.permute(2, 0, 1) - low[:, None, None]) / (high - low)[:, None, None]


if peer == "lens":
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge
    loaded, sweep = TransformerBridge.boot_transformers(directory, device="cpu"), lens
else:
    from transformers import GPT2LMHeadModel
    loaded, sweep = GPT2LMHeadModel.from_pretrained(directory), by_hooks
loaded.eval()
every = list(zip(read(texts), read(partners), strict=True))
assert all([s[:2] for s in a["spans"]] == [s[:2] for s in b["spans"]] for a, b in every)
began = time.perf_counter()
some = [Pairs(every[i:i + batch]) for i in range(0, len(every), batch)]
all_effects = [(pairs, sweep(loaded, pairs)) for pairs in some]
took = time.perf_counter() - began
for pairs, effects in all_effects:
    for number, of_pair in zip(pairs.ids, effects.tolist()):
        for layer, of_layer in enumerate(of_pair):
            for head, effect in enumerate(of_layer):
                print(number, f"head:{layer}.{head}", f"{effect:.7f}", sep="\t")
print(f"{took:.3f}", file=sys.stderr)
