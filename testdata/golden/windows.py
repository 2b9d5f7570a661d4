#!/usr/bin/env python3
"""Score a text that is longer than the context, as transformers' guide "Perplexity of fixed-length
models" does. From the repository root, with the environment of make.py:

    /tmp/golden/bin/python testdata/golden/windows.py

windows.json holds the text and, for each stride, the probabilities of its characters by place. Those
that the guide leaves out are missing.
"""
import json
import pathlib

import torch
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
MODEL = "all-kinds"


def score(model, tokens, stride):
    """The guide's loop, with the probability of each label in place of their mean."""
    length = tokens.shape[1]
    probabilities = {}
    last = 0
    for begin in range(0, length, stride):
        end = min(begin + model.config.n_positions, length)
        target_length = end - last
        window = tokens[:, begin:end]
        labels = window.clone()
        labels[:, :-target_length] = -100
        log_p = model(window).logits.log_softmax(-1)
        # the model shifts the labels by one
        shifted, rows = labels[0, 1:], log_p[0, :-1]
        kept = (shifted != -100).nonzero()[:, 0]
        for i in kept.tolist():
            probabilities[begin + i + 1] = rows[i, shifted[i]].exp().item()
        if len(kept):
            loss = model(window, labels=labels).loss
            assert abs(loss + rows[kept, shifted[kept]].mean()) < 1e-5  # it is computed in float32
        last = end
        if end == length:
            break
    return {str(place): round(p, 9) for place, p in sorted(probabilities.items())}


def main():
    torch.manual_seed(11)
    model = GPT2LMHeadModel.from_pretrained(HERE / MODEL).to(torch.float64).eval()
    context = model.config.n_positions
    vocab = json.load(open(HERE / MODEL / "vocab.json"))
    characters = {token: character for character, token in vocab.items()}
    tokens = torch.randint(len(vocab), (1, 3 * context + 5))
    expected = {
        "text": "".join(characters[t] for t in tokens[0].tolist()),
        "strides": {str(s): score(model, tokens, s) for s in (1, 5, context - 1, context)},
    }
    with open(HERE / "windows.json", "w") as file:
        json.dump(expected, file)
        file.write("\n")


main()
