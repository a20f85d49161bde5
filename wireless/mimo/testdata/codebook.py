# Writes precoders of the Type I single-panel codebook from the printed formulas of
# TS 38.214 clause 5.2.2.2.1 (v17.x), for codebook_test.go: Kronecker products and block
# matrices of numpy, written from the clause and not from the Go code. For every array
# and every rank in both modes there are the last index and three others (one of more than four layers); a line is
#
#   mode N1 N2 rank i11 i12 i13 i2, then real and imaginary part of each of P x rank entries
#
#   python3 -m venv v && v/bin/pip install numpy==2.4.6 && v/bin/python codebook.py > codebook.txt
import numpy as np

ARRAYS = [(1, 1), (2, 1), (2, 2), (4, 1), (3, 2), (6, 1), (4, 2), (8, 1), (4, 3), (6, 2), (12, 1), (4, 4), (8, 2), (16, 1)]


def u(m, n2, o2):
    return np.exp(2j * np.pi * m * np.arange(n2) / (o2 * n2)) if n2 > 1 else np.ones(1)


def v(l, m, n1, n2, o1, o2):
    return np.kron(np.exp(2j * np.pi * l * np.arange(n1) / (o1 * n1)), u(m, n2, o2))


def v_tilde(l, m, n1, n2, o1, o2):
    return np.kron(np.exp(4j * np.pi * l * np.arange(n1 // 2) / (o1 * n1)), u(m, n2, o2))


def k_two(n1, n2, o1, o2):  # table 5.2.2.2.1-3
    if n1 > n2 > 1:
        return [(0, 0), (o1, 0), (0, o2), (2 * o1, 0)]
    if n1 == 1:
        return [(0, 0)]
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


def one(l, m, n, size, p):  # W of one layer, below table 5.2.2.2.1-5
    b, phi = v(l, m, *size), np.exp(1j * np.pi * n / 2)
    return np.concatenate([b, phi * b])[:, None] / np.sqrt(p)


def two(l, l2, m, m2, n, size, p):  # below table 5.2.2.2.1-6
    b, c, phi = v(l, m, *size), v(l2, m2, *size), np.exp(1j * np.pi * n / 2)
    return np.vstack([np.column_stack([b, c]), np.column_stack([phi * b, -phi * c])]) / np.sqrt(2 * p)


def second_mode(n1, n2, rank, size, p):  # the lower halves of tables -5 and -6
    o1, o2 = size[2:]
    table = [(0, 0)] if rank == 1 else k_two(*size)
    phases = 4 if rank == 1 else 2
    for index in indices(n1 * o1 // 2, n2 * o2 // 2 if n2 > 1 else 1, len(table), 4 * phases):
        i11, i12, i13, i2 = index
        n, part = i2 % phases, i2 // phases
        if n2 == 1:
            l, m = 2 * i11 + part, 0
        else:
            l, m = [(2 * i11, 2 * i12), (2 * i11 + 1, 2 * i12), (2 * i11, 2 * i12 + 1), (2 * i11 + 1, 2 * i12 + 1)][part]
        k1, k2 = table[i13]
        yield index, one(l, m, n, size, p) if rank == 1 else two(l, l + k1, m, m + k2, n, size, p)


def many(n1, n2, rank, size, p):  # tables 5.2.2.2.1-9 to -12
    o1, o2 = size[2:]
    first, second = n1 * o1, n2 * o2
    if rank > 6 and (n1, n2) == (4, 1):
        first //= 2
    if rank > 6 and n1 > 2 and n2 == 2:
        second //= 2
    for index in indices(first, second, 1, 2, others=1):
        l, m, _, n = index
        phi = np.exp(1j * np.pi * n / 2)
        if n2 == 1:
            places = [(l, 0), (l + o1, 0), (l + 2 * o1, 0), (l + 3 * o1, 0)]
        elif rank > 6:
            places = [(l, m), (l + o1, m), (l, m + o2), (l + o1, m + o2)]
        else:
            places = [(l, m), (l + o1, m), (l + o1, m + o2)]
        b = [v(*at, *size) for at in places]
        top, low = {
            5: ([b[0], b[0], b[1], b[1], b[2]], [phi * b[0], -phi * b[0], b[1], -b[1], b[2]]),
            6: ([b[0], b[0], b[1], b[1], b[2], b[2]], [phi * b[0], -phi * b[0], phi * b[1], -phi * b[1], b[2], -b[2]]),
            7: ([b[0], b[0], b[1], b[2], b[2], b[-1], b[-1]], [phi * b[0], -phi * b[0], phi * b[1], b[2], -b[2], b[-1], -b[-1]]),
            8: ([b[0], b[0], b[1], b[1], b[2], b[2], b[-1], b[-1]], [phi * b[0], -phi * b[0], phi * b[1], -phi * b[1], b[2], -b[2], b[-1], -b[-1]]),
        }[rank]
        yield index, np.vstack([np.column_stack(top), np.column_stack(low)]) / np.sqrt(rank * p)


def entries(n1, n2, rank):
    o1, o2 = 4 if n1 > 1 else 1, 4 if n2 > 1 else 1
    p = 2 * n1 * n2
    size = (n1, n2, o1, o2)
    if rank == 1:  # table 5.2.2.2.1-5
        for index in indices(n1 * o1, n2 * o2, 1, 4):
            l, m, _, n = index
            yield index, one(l, m, n, size, p)
    elif rank == 2:  # table -6
        table = k_two(*size)
        for index in indices(n1 * o1, n2 * o2, len(table), 2):
            l, m, k, n = index
            yield index, two(l, l + table[k][0], m, m + table[k][1], n, size, p)
    elif rank > 4:
        yield from many(n1, n2, rank, size, p)
    elif p < 16:  # tables -7 and -8
        table = k_more(*size)
        for index in indices(n1 * o1, n2 * o2, len(table), 2):
            l, m, k, n = index
            b, c, phi = v(l, m, *size), v(l + table[k][0], m + table[k][1], *size), np.exp(1j * np.pi * n / 2)
            top = {3: [b, c, b], 4: [b, c, b, c]}[rank]
            sign = {3: [1, 1, -1], 4: [1, 1, -1, -1]}[rank]
            w = np.vstack([np.column_stack(top), phi * np.column_stack(top) * np.array(sign)])
            yield index, w / np.sqrt(rank * p)
    else:
        for index in indices(n1 * o1 // 2, n2 * o2, 4, 2):
            l, m, q, n = index
            b, phi, theta = v_tilde(l, m, *size)[:, None], np.exp(1j * np.pi * n / 2), np.exp(1j * np.pi * q / 4)
            rows = [[1, 1, 1, 1], [theta, -theta, theta, -theta], [phi, phi, -phi, -phi], [phi * theta, -phi * theta, -phi * theta, phi * theta]]
            yield index, np.kron(np.array(rows)[:, :rank], b) / np.sqrt(rank * p)


def indices(*sizes, others=3):
    total = int(np.prod(sizes))
    chosen = {total - 1} | {j * 7919 % total for j in range(1, others + 1)}
    for at in sorted(chosen):
        yield tuple(int(i) for i in np.unravel_index(at, sizes))


def write(mode, n1, n2, rank, list):
    for index, w in list:
        print(mode, n1, n2, rank, *index, *("%g %g" % tuple(np.round([x.real, x.imag], 5) + 0.0) for x in w.ravel()))


for n1, n2 in ARRAYS:
    for rank in range(1, min(8, 2 * n1 * n2) + 1):
        write(1, n1, n2, rank, entries(n1, n2, rank))
        if rank <= 2 and n1 > 1:
            size = (n1, n2, 4, 4 if n2 > 1 else 1)
            write(2, n1, n2, rank, second_mode(n1, n2, rank, size, 2 * n1 * n2))
