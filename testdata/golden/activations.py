#!/usr/bin/env python3
"""Make activations.safetensors in some model directories, after make.py, in its
environment. From the repository root:

    /tmp/golden/bin/python testdata/golden/activations.py

Its tensors are what forward hooks of PyTorch see in transformers' GPT2LMHeadModel while it reads
the longest sequence of the batch in expected.json, computed in float64 and stored in float32. They
have the names that act-dump has, and the layer: "z.1" [T, heads, width of a head], "ln1.0" [T,
width]. "result" is z times the head's rows of the projection, which transformers never computes.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, safetensors 0.8.0.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "bias", "all-kinds"]


def watch(model):
    """Hooks that fill the dict that is returned, in the next pass."""
    seen = {}
    heads, gpt = model.config.n_head, model.transformer

    def put(name, tensor):
        seen[name] = tensor[0].detach().clone()

    def by_head(tensor):
        return tensor.reshape(*tensor.shape[:-1], heads, -1)

    def output(module, name):
        module.register_forward_hook(lambda m, i, o: put(name, o[0] if isinstance(o, tuple) else o))

    def into(module, name):
        module.register_forward_pre_hook(lambda m, i: put(name, i[0]))

    output(gpt.wte, "embed.0")
    gpt.wpe.register_forward_hook(lambda m, i, o: put("pos_embed.0", o.reshape(1, *o.shape[-2:])))
    for l, block in enumerate(gpt.h):
        def qkv(module, inputs, out, l=l):
            for name, part in zip("qkv", out.chunk(3, dim=-1)):
                put(f"{name}.{l}", by_head(part))

        def z(module, inputs, l=l):
            z = by_head(inputs[0])
            put(f"z.{l}", z)
            w = module.weight.reshape(heads, -1, module.weight.shape[-1])
            put(f"result.{l}", torch.einsum("bthd,hdc->bthc", z, w))

        into(block.ln_1, f"resid_pre.{l}")
        output(block.ln_1, f"ln1.{l}")
        block.attn.c_attn.register_forward_hook(qkv)
        block.attn.c_proj.register_forward_pre_hook(z)
        output(block.attn.c_proj, f"attn_out.{l}")
        into(block.ln_2, f"resid_mid.{l}")
        output(block.ln_2, f"ln2.{l}")
        output(block.mlp.c_fc, f"mlp_pre.{l}")
        into(block.mlp.c_proj, f"mlp_post.{l}")
        output(block.mlp.c_proj, f"mlp_out.{l}")
        output(block, f"resid_post.{l}")
    output(gpt.ln_f, "ln_final.0")
    return seen


def main():
    torch.set_num_threads(1)
    for name in NAMES:
        model = GPT2LMHeadModel.from_pretrained(HERE / name, attn_implementation="eager")
        model = model.to(torch.float64).eval()
        batch = json.load(open(HERE / name / "expected.json"))["batch"]
        tokens = max((row["tokens"] for row in batch), key=len)
        seen = watch(model)
        with torch.no_grad():
            model(torch.tensor([tokens]))
        path = HERE / name / "activations.safetensors"
        save_file({n: t.to(torch.float32).contiguous() for n, t in seen.items()}, path)
        path.chmod(0o644)


main()
