#!/usr/bin/env python3
"""Records what texts cost under interpolated modified Kneser-Ney models, for ngram_test.go.

    python3 record.py LICENSE RFC_FOLDER [LMPLZ QUERY]

Two implementations that share nothing with ours: the formulas of Chen and Goodman
(1998) over dictionaries, below, and, where its two programs are named, KenLM
(github.com/kpu/kenlm, commit 4cb443e), which estimates the same model. LICENSE is the
file of that name at the root of ComLAM; RFC_FOLDER holds rfc8999.md to rfc9002.md.
"""
import collections
import json
import math
import pathlib
import subprocess
import sys
import tempfile

START, END = "<s>", "</s>"


class KneserNey:
    def __init__(self, texts, order, size):
        self.order, self.size = order, size
        raw = [collections.Counter() for _ in range(order + 1)]
        for text in texts:
            s = (START,) + tuple(text) + (END,)
            for n in range(1, order + 1):
                for i in range(len(s) - n + 1):
                    raw[n][s[i : i + n]] += 1
        self.count = [None] * (order + 1)
        self.count[order] = raw[order]
        for n in range(1, order):
            adjusted = collections.Counter(g[1:] for g in raw[n + 1])
            for g in raw[n]:
                if g[0] == START:
                    adjusted[g] = raw[n][g]
            self.count[n] = adjusted
        self.count[1].pop((START,), None)
        self.discount, self.sum, self.left = [None], [None], [None]
        for n in range(1, order + 1):
            d = self.discounts(self.count[n])
            total, left = collections.Counter(), collections.Counter()
            for g, c in self.count[n].items():
                total[g[:-1]] += c
                left[g[:-1]] += d[min(c, 3)]
            self.discount.append(d)
            self.sum.append(total)
            self.left.append(left)

    @staticmethod
    def discounts(count):
        t = collections.Counter(count.values())
        if not (t[1] and t[2] and t[3]):
            return [0, 0.5, 1, 1.5]
        y = t[1] / (t[1] + 2 * t[2])
        d = [0] + [k - (k + 1) * y * t[k + 1] / t[k] for k in (1, 2, 3)]
        return d if all(0 <= d[k] <= k for k in (1, 2, 3)) else [0, 0.5, 1, 1.5]

    def p(self, context, w):
        if len(context) == 0:
            lower = 1 / (self.size + 1)
        else:
            lower = self.p(context[1:], w)
        n = len(context) + 1
        total = self.sum[n][context]
        if not total:
            return lower
        c = self.count[n].get(context + (w,), 0)
        own = (c - self.discount[n][min(c, 3)]) / total if c else 0
        return own + self.left[n][context] / total * lower

    def bits(self, texts):
        inner = end = 0.0
        for text in texts:
            s = (START,) + tuple(text) + (END,)
            for i in range(1, len(s)):
                cost = -math.log2(self.p(s[max(0, i - self.order + 1) : i], s[i]))
                if s[i] == END:
                    end += cost
                else:
                    inner += cost
        return inner, end


def kenlm(train, held, order, size, lmplz, query):
    with tempfile.TemporaryDirectory() as dir:
        dir = pathlib.Path(dir)
        (dir / "train").write_text("".join(" ".join(f"w{w}" for w in t) + "\n" for t in train))
        (dir / "held").write_text("".join(" ".join(f"w{w}" for w in t) + "\n" for t in held))
        with open(dir / "train") as src, open(dir / "model.arpa", "w") as dst:
            subprocess.run([lmplz, "-o", str(order), "-S", "1G", "-T", str(dir), "--discount_fallback", "--vocab_pad", str(size + 1)],
                           stdin=src, stdout=dst, stderr=subprocess.DEVNULL, check=True)
        with open(dir / "held") as src:
            out = subprocess.run([query, "-v", "word", str(dir / "model.arpa")], stdin=src, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    inner = end = 0.0
    for line in out.decode().splitlines():
        for item in line.split("\t"):
            word, _, rest = item.rpartition("=")
            if not word:
                continue
            cost = -float(rest.split()[2]) * math.log2(10)
            if word == END:
                end += cost
            else:
                inner += cost
    return inner, end


def paragraphs(text):
    return [p for p in text.split("\n\n") if p.strip()]


def words(train, held):
    ids = {}
    number = lambda t: [ids.setdefault(w, len(ids)) for w in t.split()]
    train = [number(t) for t in train]
    held = [number(t) for t in held]
    return train, held, len(ids)


def cases(licence, rfc):
    text = paragraphs(licence.read_text())
    cut = len(text) * 3 // 4
    docs = lambda *names: [(rfc / n).read_text() for n in names]
    for name, train, held in (
        ("licence", text[:cut], text[cut:]),
        ("rfc", docs("rfc8999.md", "rfc9000.md", "rfc9002.md"), docs("rfc9001.md")),
    ):
        yield name + ", bytes", 8, 256, [list(t.encode()) for t in train], [list(t.encode()) for t in held]
        yield name + ", bytes of order 3", 3, 256, [list(t.encode()) for t in train], [list(t.encode()) for t in held]
        train, held, size = words(train, held)
        yield name + ", words", 5, size + 7, train, held


def main():
    licence, rfc = map(pathlib.Path, sys.argv[1:3])
    out = []
    for name, order, size, train, held in cases(licence, rfc):
        m = KneserNey(train, order, size)
        inner, end = m.bits(held)
        row = {"name": name, "order": order, "size": size, "texts": len(held), "symbols": sum(map(len, held)),
               "bits": inner, "end_bits": end, "discounts": [d[1:] for d in m.discount[1:]],
               "ngrams": [len(c) + (n == 0) for n, c in enumerate(m.count[1:])]}
        if len(sys.argv) > 3:
            row["kenlm_bits"], row["kenlm_end_bits"] = kenlm(train, held, order, size, *sys.argv[3:5])
        print(row, file=sys.stderr)
        out.append(row)
    (pathlib.Path(__file__).parent / "golden.json").write_text(json.dumps(out, indent=1) + "\n")


main()
