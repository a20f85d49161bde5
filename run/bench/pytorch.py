"""PyTorch's side of `comlam bench engine`: one JSON object a line on standard output.

    python3 pytorch.py '{"rows": ["gpt", ...], "threads": 2, "repeats": 7, ...sizes}'

The first line names the build, and what it computes wrongly. Each further one is
{"row", "value", "unit"}: the best of the repeats, seconds where lower is better, else a
rate. The sizes come from the caller, so that both sides compute the same thing. Works
with PyTorch 1.13 and later.
"""
import ctypes
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def best(run, c, least):
    """Seconds of the fastest run, after one that does not count."""
    run()
    fastest, spent, n = math.inf, 0.0, 0
    while n == 0 or spent < c["most_s"] and (n < c["repeats"] or spent < least):
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

    loss = math.nan

    def step():
        nonlocal loss
        opt.zero_grad(set_to_none=True)
        logits = m(ids[:, :-1])
        y = F.cross_entropy(logits.reshape(-1, z["vocab"]), ids[:, 1:].reshape(-1))
        y.backward()
        opt.step()
        loss = y.item()

    step()
    first = loss
    seconds = best(step, c, 0)
    if not (first < 2 * math.log(z["vocab"]) and loss < first):
        raise RuntimeError("the loss goes from %g to %g on one batch; this build computes something else" % (first, loss))
    return z["batch"] * z["tokens"] / seconds, "tok/s"


def product(n, dtype, c):
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    y = torch.empty(n, n, dtype=dtype)
    return 2 * n**3 / best(lambda: torch.mm(a, b, out=y), c, c["least_s"]) / 1e9, "GFLOP/s"


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

    def timed(makers):
        return lambda: (min(best(run, c, c["least_s"]) for run in makers()), "s")

    z = c["conv"]

    def conv():
        """Channels first and channels last: which one is faster depends on the build."""
        for layout in torch.contiguous_format, torch.channels_last:
            x = torch.randn(z["images"], z["channels"], z["size"], z["size"]).contiguous(memory_format=layout)
            w = torch.randn(z["channels"], z["channels"], 3, 3).contiguous(memory_format=layout)
            yield forward_backward(lambda x, w: F.conv2d(x, w, padding=1), x, w)

    def softmax():
        yield forward_backward(lambda x: F.softmax(x, -1), torch.randn(n, d))

    def layernorm():
        yield forward_backward(lambda x, g, b: F.layer_norm(x, (d,), g, b), torch.randn(n, d), torch.ones(d), torch.zeros(d))

    def gelu():
        yield forward_backward(lambda x: F.gelu(x, approximate="tanh"), torch.randn(n, d))

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

        yield run

    for layer in conv, softmax, layernorm, gelu, chain:
        table[layer.__name__] = timed(layer)
    table["conv2d"] = table.pop("conv")
    return table


def wrong(c):
    """What products are wrong. Whole numbers this small have exact products, and
    (A B) x = A (B x) is worked out in integers, which no BLAS touches."""
    shapes = [(n, n, n) for n in c["sgemm"]] + [(257, 129, 311), (64, 384, 1536), (2048, 384, 64)]
    for m, k, n in shapes:
        x = torch.randint(-3, 4, (n,))
        for flip_a in False, True:
            for flip_b in False, True:
                a, b = torch.randint(-3, 4, (k, m) if flip_a else (m, k)), torch.randint(-3, 4, (n, k) if flip_b else (k, n))
                a, b = a.t() if flip_a else a, b.t() if flip_b else b
                y = (a.float() @ b.float()).long()
                if not torch.equal((y * x).sum(1), (a * (b * x).sum(1)).sum(1)):
                    return "a product of %d x %d and %d x %d" % (m, k, k, n)
    return ""


def blas():
    """The BLAS library in use, and the kernels that it has chosen."""
    try:
        with open("/proc/self/maps") as maps:
            files = sorted({line.split()[-1] for line in maps if "blas" in line.lower() or "libmkl" in line})
    except OSError:
        return ""
    names = ["/".join(f.split("/")[-2:]) for f in files]
    for f in files:
        if "openblas" in f:
            try:
                corename = ctypes.CDLL(f).openblas_get_corename
                corename.restype = ctypes.c_char_p
                return names[files.index(f)] + " " + corename().decode()
            except (OSError, AttributeError):
                pass
    return names[0] if names else "MKL" if "Intel(R) MKL" in torch.__config__.show() else ""


def main():
    c = json.loads(sys.argv[1])
    torch.set_num_threads(c["threads"])
    torch.manual_seed(1)
    torch.zeros(4, 4) @ torch.zeros(4, 4)  # so that the libraries are there
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "blas": blas(), "wrong": "" if c["rows"] else wrong(c),
                      "cpu": next((w.split(":")[1].strip() for w in torch.__config__.show().splitlines() if "CPU capability" in w), "")}), flush=True)
    table = rows(c)
    for name in c["rows"]:
        try:
            value, unit = table[name]()
            line = {"row": name, "value": value, "unit": unit}
        except Exception as e:  # whatever this build cannot do
            line = {"row": name, "value": 0, "unit": "", "error": str(e) or type(e).__name__}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
