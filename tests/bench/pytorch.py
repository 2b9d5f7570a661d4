#!/usr/bin/env python3
"""pytorch.py LAYERS HEADS WIDTH ROWS LENGTH VOCAB THREADS [cuda] - training tokens/s of PyTorch.

The network of common/model/gpt.c (GPT-2 as nanoGPT trains it, no biases, tied head)
with PyTorch's fused attention and its own AdamW, on random tokens: forward,
backward, clipping and a step, for about ten seconds. On a GPU as nanoGPT trains there:
compiled, under autocast to bfloat16, with the fused AdamW.
"""
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

layers, heads, width, rows, length, vocab, threads = map(int, sys.argv[1:8])
device = sys.argv[8] if len(sys.argv) > 8 else "cpu"
gpu = device == "cuda"
torch.set_num_threads(threads)
torch.set_default_device(device)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, bias=False)
        self.c_attn = nn.Linear(width, 3 * width, bias=False)
        self.attn_proj = nn.Linear(width, width, bias=False)
        self.ln_2 = nn.LayerNorm(width, bias=False)
        self.c_fc = nn.Linear(width, 4 * width, bias=False)
        self.mlp_proj = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (y.view(b, t, heads, c // heads).transpose(1, 2)
                   for y in self.c_attn(self.ln_1(x)).split(c, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_proj(y.transpose(1, 2).reshape(b, t, c))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(vocab, width)
        self.wpe = nn.Embedding(length, width)
        self.h = nn.Sequential(*(Block() for _ in range(layers)))
        self.ln_f = nn.LayerNorm(width, bias=False)

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device))
        logits = self.ln_f(self.h(x)) @ self.wte.weight.T
        return F.cross_entropy(logits.view(-1, vocab), targets.reshape(-1))


torch.manual_seed(1)
model = torch.compile(GPT()) if gpu else GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=gpu)
warm = 10 if gpu else 2
steps, began = 0, 0.0
while True:
    if steps == warm:  # the first ones warm up, and are compiled
        if gpu:
            torch.cuda.synchronize()
        began = time.perf_counter()
    data = torch.randint(vocab, (rows, length + 1))
    with torch.autocast(device, dtype=torch.bfloat16, enabled=gpu):
        loss = model(data[:, :-1], data[:, 1:])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    steps += 1
    if steps > warm + 1 and time.perf_counter() - began > 10:
        break
if gpu:
    torch.cuda.synchronize()
print(f"{(steps - warm) * rows * length / (time.perf_counter() - began):.0f}")
