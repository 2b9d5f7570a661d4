#!/usr/bin/env python3
"""Make attribution.json in some model directories, after make.py, in its environment. From the
repository root:

    /tmp/golden/bin/python testdata/golden/attribution.py

For each token of the longest sequence of the batch in expected.json, but for the first: its logit
minus that of the likeliest other token, and what each part of transformers' GPT2LMHeadModel adds to
that. Parts are what forward hooks see; what they add is their product with the gradient of the
difference by the last residual stream, which autograd computes while the scale of the last layer norm
is held fixed. All is float64, and the keys are those of gpt-score --attribute.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0.
"""
import json
import pathlib

import torch
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
NAMES = ["plain", "bias", "all-kinds"]


def watch(model):
    """Hooks that fill the dict that is returned, in the next pass: the parts, [T, ..., width]."""
    seen = {"heads": {}, "mlp": {}}
    heads, gpt = model.config.n_head, model.transformer

    def z(module, inputs, l):
        z = inputs[0][0].reshape(inputs[0].shape[1], heads, -1)
        w = module.weight.reshape(heads, z.shape[-1], -1)
        seen["heads"][l] = torch.einsum("thd,hdc->thc", z, w)

    def mlp(module, inputs, out, l):
        seen["mlp"][l] = out[0] - module.bias

    gpt.wte.register_forward_hook(lambda m, i, o: seen.update(embed=o[0]))
    gpt.wpe.register_forward_hook(lambda m, i, o: seen.update(pos_embed=o.reshape(o.shape[-2:])))
    gpt.ln_f.register_forward_pre_hook(lambda m, i: seen.update(last=i[0][0]))
    for l, block in enumerate(gpt.h):
        block.attn.c_proj.register_forward_pre_hook(lambda m, i, l=l: z(m, i, l))
        block.mlp.c_proj.register_forward_hook(lambda m, i, o, l=l: mlp(m, i, o, l))
    return seen


def difference(model, x, token, against):
    """Of the logits that a row x of the last residual stream gives, by a norm of a fixed scale."""
    norm, head = model.transformer.ln_f, model.lm_head.weight
    scale = (x.var(unbiased=False) + norm.eps).sqrt().detach()
    logits = head @ ((x - x.mean()) / scale * norm.weight + norm.bias)
    return logits[token] - logits[against]


def step(model, seen, row, token, logits, characters, biases):
    """What gpt-score says of the token that comes after a row."""
    others = logits.clone()
    others[token] = -torch.inf
    against = others.argmax().item()
    x = seen["last"][row].clone().requires_grad_()
    whole = difference(model, x, token, against)
    (d,) = torch.autograd.grad(whole, x)
    blocks, norm, head = model.transformer.h, model.transformer.ln_f, model.lm_head.weight

    def adds(part):
        return (part @ d).tolist()

    found = {"against": characters[against], "difference": whole.item(),
             "embed": adds(seen["embed"][row]), "pos_embed": adds(seen["pos_embed"][row]),
             "heads": [adds(seen["heads"][l][row]) for l in range(len(blocks))],
             "mlp": [adds(seen["mlp"][l][row]) for l in range(len(blocks))]}
    rest = {"attn_bias": [adds(b.attn.c_proj.bias) for b in blocks],
            "mlp_bias": [adds(b.mlp.c_proj.bias) for b in blocks],
            "ln_final_bias": (norm.bias @ (head[token] - head[against])).item()}
    parts = torch.cat([torch.tensor(v, dtype=torch.float64).reshape(-1)
                       for k, v in {**found, **rest}.items() if k not in ("against", "difference")])
    assert abs(parts.sum() - found["difference"]) < 1e-9
    assert abs(logits[token] - logits[against] - found["difference"]) < 1e-9
    if biases:
        return {**found, **rest}
    assert all(b == 0 for b in rest["attn_bias"] + rest["mlp_bias"]) and rest["ln_final_bias"] == 0
    return found


def main():
    torch.set_num_threads(1)
    for name in NAMES:
        model = GPT2LMHeadModel.from_pretrained(HERE / name, attn_implementation="eager")
        model = model.to(torch.float64).eval()
        batch = json.load(open(HERE / name / "expected.json"))["batch"]
        biases = json.load(open(HERE / name / "memoscope.json"))["bias"]
        vocab = json.load(open(HERE / name / "vocab.json"))
        characters = {token: character for character, token in vocab.items()}
        tokens = max((row["tokens"] for row in batch), key=len)
        seen = watch(model)
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0]
        steps = [step(model, seen, i, token, logits[i], characters, biases)
                 for i, token in enumerate(tokens[1:])]
        with open(HERE / name / "attribution.json", "w") as file:
            json.dump({"text": "".join(characters[t] for t in tokens), "steps": steps}, file)
            file.write("\n")


main()
