#!/usr/bin/env python3
"""Make ablation.json in some model directories, after make.py, in its environment. From the
repository root:

    /tmp/golden/bin/python testdata/golden/ablation.py

What transformers' GPT2LMHeadModel says of the longest sequence of the batch in expected.json while
forward hooks replace the outputs of heads (what goes into attn.c_proj) and of feed-forward parts
(what comes out of mlp): by zeros or by their mean over the other sequences, at all tokens or at
those in spans of a kind. "parts", "to" and "rows" are as for gpt-score --ablate, --ablate-to and
--rows. "log_p": for each token but the last, the log-probability of each character that may come
next. All is float64.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0.
"""
import json
import pathlib

import torch
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "bias", "narrow-heads"]
CASES = [  # -1: the last one; layer, head (None: the feed-forward part)
    ([(-1, None)], "zero", None),
    ([(-1, None)], "mean", None),
    ([(0, None)], "zero", "in"),
    ([(0, None)], "mean", "in"),
    ([(-1, 1)], "zero", "in"),
    ([(0, -1), (-1, 0)], "mean", "in"),
    ([(0, None), (-1, 1)], "mean", None),
    ([(-1, None), (0, 0)], "mean", "in"),
]


def spans_of(length):
    """Some tokens at the beginning, some further on; others are of another kind."""
    half = length // 2
    spans = [[1, half, "in"], [half, half + 1, "out"], [half + 1, min(half + 3, length), "in"]]
    return [[*span, -1, 0] for span in spans if span[0] < span[1]]


def mask_of(length, rows):
    mask = torch.full((length,), rows is None)
    for begin, end, kind, *_ in spans_of(length):
        if kind == rows:
            mask[begin:end] = True
    return mask


class Ablated:
    """A model with hooks. Of each part it sees the output, and replaces it if there is a value."""

    def __init__(self, model):
        self.model, self.width = model, model.config.n_embd // model.config.n_head
        self.values, self.mask, self.seen = {}, None, {}
        for layer, block in enumerate(model.transformer.h):
            block.attn.c_proj.register_forward_pre_hook(lambda m, i, l=layer: (self.heads(l, i[0]),))
            block.mlp.register_forward_hook(lambda m, i, o, l=layer: self.mlp(l, o))

    def heads(self, layer, z):
        z = z.clone()
        for head in range(self.model.config.n_head):
            at = slice(head * self.width, (head + 1) * self.width)
            self.seen[layer, head] = z[0, :, at].clone()
            if (layer, head) in self.values:
                z[0, self.mask, at] = self.values[layer, head]
        return z

    def mlp(self, layer, out):
        out = out.clone()
        self.seen[layer, None] = out[0].clone()
        if (layer, None) in self.values:
            out[0, self.mask] = self.values[layer, None]
        return out

    def run(self, tokens):
        with torch.no_grad():
            return self.model(torch.tensor([tokens])).logits[0]

    def mean(self, part, texts, rows):
        self.values = {}
        kept = []
        for tokens in texts:
            self.run(tokens)
            kept.append(self.seen[part][mask_of(len(tokens), rows)])
        return torch.cat(kept).mean(0)


def name_of(part):
    layer, head = part
    return f"mlp:{layer}" if head is None else f"{layer}.{head}"


def case_of(ablated, tokens, others, parts, to, rows):
    config = ablated.model.config
    parts = [(layer % config.n_layer, head if head is None else head % config.n_head)
             for layer, head in parts]
    values = {part: ablated.mean(part, others, rows) if to == "mean" else 0 for part in parts}
    ablated.values, ablated.mask = values, mask_of(len(tokens), rows)
    log_p = ablated.run(tokens)[:-1].log_softmax(-1)
    return {"parts": ",".join(map(name_of, parts)), "to": to, "rows": rows,
            "log_p": [[round(x, 8) for x in row] for row in log_p.tolist()]}


def main():
    torch.set_num_threads(1)
    for name in NAMES:
        model = GPT2LMHeadModel.from_pretrained(HERE / name, attn_implementation="eager")
        model = model.to(torch.float64).eval()
        batch = json.load(open(HERE / name / "expected.json"))["batch"]
        vocab = json.load(open(HERE / name / "vocab.json"))
        characters = {token: character for character, token in vocab.items()}
        texts = [row["tokens"] for row in batch]
        longest = max(texts, key=len)
        texts.remove(longest)

        def record(tokens, number=0):
            return {"id": number, "text": "".join(characters[t] for t in tokens),
                    "spans": spans_of(len(tokens))}

        ablated = Ablated(model)
        with open(HERE / name / "ablation.json", "w") as file:
            json.dump({"text": record(longest), "characters": [characters[i] for i in range(len(vocab))],
                       "others": [record(t, i) for i, t in enumerate(texts)],
                       "cases": [case_of(ablated, longest, texts, *case) for case in CASES]}, file)
            file.write("\n")


main()
