"""Records stories260K.json: what llama2.c's forward pass gives for stories260K.bin.

    python3 record_llama2c.py PATH/stories260K.bin      (numpy; last run with 2.5)

A plain reading of run.c in double precision: the likeliest continuation of a text's
beginning (token 1), and the logits after some of its tokens, with the gap between the two
likeliest at each step, so that a test knows where rounding could choose the other.
"""
import json
import struct
import sys

import numpy as np

raw = open(sys.argv[1], "rb").read()
dim, hidden, layers, heads, kv_heads, vocab, seq = struct.unpack("7i", raw[:28])
shared, vocab = vocab > 0, abs(vocab)
size, kv = dim // heads, dim // heads * kv_heads
data, at = np.frombuffer(raw, dtype="<f4", offset=28).astype(np.float64), 0


def take(*shape):
    global at
    n = int(np.prod(shape))
    at += n
    return data[at - n:at].reshape(shape)


table = take(vocab, dim)
rms_att = take(layers, dim)
wq, wk, wv, wo = take(layers, dim, dim), take(layers, kv, dim), take(layers, kv, dim), take(layers, dim, dim)
rms_ffn = take(layers, dim)
w1, w2, w3 = take(layers, hidden, dim), take(layers, dim, hidden), take(layers, hidden, dim)
rms_final = take(dim)
take(seq * size)
head = table if shared else take(vocab, dim)
assert at == len(data), (at, len(data))


def norm(x, w):
    return w * (x / np.sqrt(np.mean(x * x) + 1e-5))


def turn(x, pos):
    x = x.copy()
    for i in range(0, len(x), 2):
        angle = pos / 10000.0 ** ((i % size) / size)
        c, s = np.cos(angle), np.sin(angle)
        x[i], x[i + 1] = x[i] * c - x[i + 1] * s, x[i] * s + x[i + 1] * c
    return x


keys, values = [[] for _ in range(layers)], [[] for _ in range(layers)]


def forward(token, pos):
    x = table[token].copy()
    for l in range(layers):
        h = norm(x, rms_att[l])
        q = turn(wq[l] @ h, pos)
        keys[l].append(turn(wk[l] @ h, pos))
        values[l].append(wv[l] @ h)
        out = np.zeros(dim)
        for i in range(heads):
            part = slice(i // (heads // kv_heads) * size, (i // (heads // kv_heads) + 1) * size)
            score = np.array([q[i * size:(i + 1) * size] @ k[part] for k in keys[l]]) / np.sqrt(size)
            p = np.exp(score - score.max())
            p /= p.sum()
            out[i * size:(i + 1) * size] = sum(w * v[part] for w, v in zip(p, values[l]))
        x = x + wo[l] @ out
        h = norm(x, rms_ffn[l])
        g = w1[l] @ h
        x = x + w2[l] @ (g / (1 + np.exp(-g)) * (w3[l] @ h))
    return head @ norm(x, rms_final)


ids, gap, logits = [1], 1e9, {}
for pos in range(200):
    y = forward(ids[-1], pos)
    if pos in (0, 1, 50, 199):
        logits[str(pos)] = [round(float(v), 6) for v in y]
    best = np.argsort(y)[::-1]
    gap = min(gap, float(y[best[0]] - y[best[1]]))
    ids.append(int(best[0]))
print(dim, hidden, layers, heads, kv_heads, vocab, seq, shared, "smallest gap", gap)
with open("stories260K.json", "w") as f:
    json.dump({"ids": ids, "gap": gap, "logits": logits}, f)
    f.write("\n")
