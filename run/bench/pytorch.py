"""PyTorch's side of `comlam bench engine`: one JSON object a line on standard output.

    python3 pytorch.py '{"rows": ["gpt", ...], "threads": 2, "repeats": 7, ...sizes}'

The first line names the build. Each further one is {"row", "value", "unit"}: the best
of the repeats, seconds where lower is better, else a rate. The sizes come from the
caller, so that both sides compute the same thing. Works with PyTorch 1.13 and later.
"""
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def best(run, repeats, least=0.3):
    """Seconds of the fastest run: at least so many repeats, for at least so long."""
    run()
    fastest, spent, n = math.inf, 0.0, 0
    while n < repeats or spent < least:
        t = time.perf_counter()
        run()
        t = time.perf_counter() - t
        fastest, spent, n = min(fastest, t), spent + t, n + 1
    return fastest


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.c_attn, self.c_proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.c_fc, self.c_out = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def attention(self, x):
        b, t, d = x.shape
        q, k, v = (y.view(b, t, self.heads, d // self.heads).transpose(1, 2) for y in self.c_attn(x).split(d, 2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(d // self.heads))
            hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
            y = scores.masked_fill(hidden, float("-inf")).softmax(-1) @ v
        return self.c_proj(y.transpose(1, 2).reshape(b, t, d))

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, layers, d, heads, vocab, tokens):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, d), nn.Embedding(tokens, d)
        self.h = nn.Sequential(*[Block(d, heads) for _ in range(layers)])
        self.ln_f, self.head = nn.LayerNorm(d), nn.Linear(d, vocab, bias=False)

    def forward(self, ids):
        return self.head(self.ln_f(self.h(self.wte(ids) + self.wpe.weight[: ids.shape[1]])))


def adamw(parameters):
    """The fastest form of AdamW that this version has."""
    for option in ({"fused": True}, {"foreach": True}, {}):
        try:
            return torch.optim.AdamW(parameters, lr=1e-4, **option)
        except (TypeError, RuntimeError):
            pass


def gpt(c):
    z = c["gpt"]
    m = GPT(z["layers"], z["width"], z["heads"], z["vocab"], z["tokens"])
    opt = adamw(list(m.parameters()))
    ids = torch.randint(0, z["vocab"], (z["batch"], z["tokens"] + 1))

    def step():
        opt.zero_grad(set_to_none=True)
        logits = m(ids[:, :-1])
        F.cross_entropy(logits.reshape(-1, z["vocab"]), ids[:, 1:].reshape(-1)).backward()
        opt.step()

    step()
    return z["batch"] * z["tokens"] / best(step, c["repeats"], 0), "tok/s"


def product(n, dtype, c):
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    y = torch.empty(n, n, dtype=dtype)
    return 2 * n**3 / best(lambda: torch.mm(a, b, out=y), c["repeats"]) / 1e9, "GFLOP/s"


def forward_backward(run, *inputs):
    """A function of leaves, with the gradient of each leaf worked out anew."""
    leaves = [x.requires_grad_() for x in inputs]
    v = torch.randn_like(run(*leaves))

    def both():
        for x in leaves:
            x.grad = None
        run(*leaves).backward(v)

    return both


def rows(c):
    n, d = c["rows_shape"]
    table = {"gpt": lambda: gpt(c)}
    for size in c["sgemm"]:
        table["sgemm%d" % size] = lambda size=size: product(size, torch.float32, c)
    for size in c["bf16"]:
        table["bf16_%d" % size] = lambda size=size: product(size, torch.bfloat16, c)

    def timed(make):
        return lambda: (best(make(), c["repeats"]), "s")

    z = c["conv"]
    table["conv2d"] = timed(lambda: forward_backward(
        lambda x, w: F.conv2d(x, w, padding=1),
        torch.randn(z["images"], z["channels"], z["size"], z["size"]), torch.randn(z["channels"], z["channels"], 3, 3)))
    table["softmax"] = timed(lambda: forward_backward(lambda x: F.softmax(x, -1), torch.randn(n, d)))
    table["layernorm"] = timed(lambda: forward_backward(
        lambda x, g, b: F.layer_norm(x, (d,), g, b), torch.randn(n, d), torch.ones(d), torch.zeros(d)))
    table["gelu"] = timed(lambda: forward_backward(lambda x: F.gelu(x, approximate="tanh"), torch.randn(n, d)))

    def chain():
        x = torch.randn(c["chain"])

        def run():
            y = x * 1.5
            y = y + 0.25
            y = y * x
            y = y - x
            y = y.abs()
            y = y + 1.0
            y = y.sqrt()
            return y.neg()

        return run

    table["chain"] = timed(chain)
    return table


def main():
    c = json.loads(sys.argv[1])
    torch.set_num_threads(c["threads"])
    torch.manual_seed(1)
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "mkl": "Intel(R) MKL" in torch.__config__.show(),
                      "cpu": next((w.split(":")[1].strip() for w in torch.__config__.show().splitlines() if "CPU capability" in w), "")}), flush=True)
    table = rows(c)
    for name in c["rows"]:
        value, unit = table[name]()
        print(json.dumps({"row": name, "value": value, "unit": unit}), flush=True)


if __name__ == "__main__":
    main()
