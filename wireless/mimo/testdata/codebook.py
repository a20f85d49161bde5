# Writes precoders of the Type I single-panel codebook, mode 1, from the printed formulas
# of TS 38.214 clause 5.2.2.2.1 (v17.x), for codebook_test.go: Kronecker products and block
# matrices of numpy, written from the clause and not from the Go code. For every array
# and every rank there are the last index and three others; a line is
#
#   N1 N2 rank i11 i12 i13 i2, then real and imaginary part of each of P x rank entries
#
#   python3 -m venv v && v/bin/pip install numpy==2.4.6 && v/bin/python codebook.py > codebook.txt
import numpy as np

ARRAYS = [(2, 1), (2, 2), (4, 1), (3, 2), (6, 1), (4, 2), (8, 1), (4, 3), (6, 2), (12, 1), (4, 4), (8, 2), (16, 1)]


def u(m, n2, o2):
    return np.exp(2j * np.pi * m * np.arange(n2) / (o2 * n2)) if n2 > 1 else np.ones(1)


def v(l, m, n1, n2, o1, o2):
    return np.kron(np.exp(2j * np.pi * l * np.arange(n1) / (o1 * n1)), u(m, n2, o2))


def v_tilde(l, m, n1, n2, o1, o2):
    return np.kron(np.exp(4j * np.pi * l * np.arange(n1 // 2) / (o1 * n1)), u(m, n2, o2))


def k_two(n1, n2, o1, o2):  # table 5.2.2.2.1-3
    if n1 > n2 > 1:
        return [(0, 0), (o1, 0), (0, o2), (2 * o1, 0)]
    if n1 == n2:
        return [(0, 0), (o1, 0), (0, o2), (o1, o2)]
    if n1 == 2:
        return [(0, 0), (o1, 0)]
    return [(0, 0), (o1, 0), (2 * o1, 0), (3 * o1, 0)]


def k_more(n1, n2, o1, o2):  # table 5.2.2.2.1-4
    return {(2, 1): [(o1, 0)],
            (4, 1): [(o1, 0), (2 * o1, 0), (3 * o1, 0)],
            (6, 1): [(o1, 0), (2 * o1, 0), (3 * o1, 0), (4 * o1, 0)],
            (2, 2): [(o1, 0), (0, o2), (o1, o2)],
            (3, 2): [(o1, 0), (0, o2), (o1, o2), (2 * o1, 0)]}[n1, n2]


def entries(n1, n2, rank):
    o1, o2 = 4, 4 if n2 > 1 else 1
    p = 2 * n1 * n2
    size = (n1, n2, o1, o2)
    if rank == 1:  # table 5.2.2.2.1-5
        for index in indices(n1 * o1, n2 * o2, 1, 4):
            l, m, _, n = index
            b, phi = v(l, m, *size), np.exp(1j * np.pi * n / 2)
            yield index, np.concatenate([b, phi * b])[:, None] / np.sqrt(p)
    elif rank == 2 or p < 16:  # tables 5.2.2.2.1-6, -7 and -8
        table = k_two(*size) if rank == 2 else k_more(*size)
        for index in indices(n1 * o1, n2 * o2, len(table), 2):
            l, m, k, n = index
            b, c, phi = v(l, m, *size), v(l + table[k][0], m + table[k][1], *size), np.exp(1j * np.pi * n / 2)
            top = {2: [b, c], 3: [b, c, b], 4: [b, c, b, c]}[rank]
            sign = {2: [1, -1], 3: [1, 1, -1], 4: [1, 1, -1, -1]}[rank]
            w = np.vstack([np.column_stack(top), phi * np.column_stack(top) * np.array(sign)])
            yield index, w / np.sqrt(rank * p)
    else:
        for index in indices(n1 * o1 // 2, n2 * o2, 4, 2):
            l, m, q, n = index
            b, phi, theta = v_tilde(l, m, *size)[:, None], np.exp(1j * np.pi * n / 2), np.exp(1j * np.pi * q / 4)
            rows = [[1, 1, 1, 1], [theta, -theta, theta, -theta], [phi, phi, -phi, -phi], [phi * theta, -phi * theta, -phi * theta, phi * theta]]
            yield index, np.kron(np.array(rows)[:, :rank], b) / np.sqrt(rank * p)


def indices(*sizes):
    total = int(np.prod(sizes))
    chosen = {total - 1} | {j * 7919 % total for j in range(1, 4)}
    for at in sorted(chosen):
        yield tuple(int(i) for i in np.unravel_index(at, sizes))


for n1, n2 in ARRAYS:
    for rank in 1, 2, 3, 4:
        for index, w in entries(n1, n2, rank):
            print(n1, n2, rank, *index, *("%g %g" % tuple(np.round([x.real, x.imag], 5) + 0.0) for x in w.ravel()))
