#!/usr/bin/env python3
"""Make attention.safetensors in each model directory, after make.py, in its
environment. From the repository root:

    /tmp/golden/bin/python testdata/golden/attention.py

For each sequence s of the batch in expected.json the tensor "attention.s" [layers,
heads, T, T] is what transformers' eager attention returns with output_attentions,
computed in float64 and stored in float32.

Made with Python 3.11, torch 2.4.1, transformers 4.57.6, safetensors 0.8.0.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "bias", "narrow-heads", "gelu-new", "epsilon", "unscaled", "by-layer",
         "own-head", "all-kinds"]


def attentions(model, tokens):
    out = model(torch.tensor([tokens]), output_attentions=True)
    return torch.stack([layer[0] for layer in out.attentions])


def main():
    torch.set_num_threads(1)
    for name in NAMES:
        model = GPT2LMHeadModel.from_pretrained(HERE / name, attn_implementation="eager")
        model = model.to(torch.float64).eval()
        batch = json.load(open(HERE / name / "expected.json"))["batch"]
        with torch.no_grad():
            out = {f"attention.{s}": attentions(model, row["tokens"])
                   for s, row in enumerate(batch)}
        path = HERE / name / "attention.safetensors"
        save_file({n: t.to(torch.float32).contiguous() for n, t in out.items()}, path)
        path.chmod(0o644)


main()
