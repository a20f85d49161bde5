# Times Sionna's LDPC decoder on one CPU core: k = 8,448, rate 1/2, 20 iterations,
# float32, the same work as BenchmarkLDPCDecode. Prints one JSON line a variant.
#
#   python3 -m venv v && v/bin/pip install sionna-no-rt
#   OMP_NUM_THREADS=1 v/bin/python sionna_ldpc.py [batch [compile|eager [rule ...]]]
import importlib.metadata, json, sys, time
import torch
torch.set_num_threads(1)
import sionna.phy
from sionna.phy.fec.ldpc import LDPC5GEncoder, LDPC5GDecoder

K, N, ITER = 8448, 16896, 20
batch = int(sys.argv[1]) if len(sys.argv) > 1 else 16
compiled = len(sys.argv) > 2 and sys.argv[2] == "compile"
try:
    sionna.phy.config.device = "cpu"
except Exception:
    pass
enc = LDPC5GEncoder(K, N)
u = torch.randint(0, 2, (batch, K)).float()
with torch.no_grad():
    c = enc(u)
    # QPSK at Eb/N0 = 1.5 dB; the LLR of Sionna is ln(P(1)/P(0)).
    sigma2 = 1 / (10 ** 0.15)
    y = (2 * c - 1) + torch.randn_like(c) * sigma2 ** 0.5
    llr = 2 * y / sigma2
    for rule in sys.argv[3:] or ["minsum", "offset-minsum", "boxplus-phi"]:
        dec = LDPC5GDecoder(enc, num_iter=ITER, cn_update=rule, hard_out=True)
        f = torch.compile(dec) if compiled else dec
        out = f(llr)
        errors = int((out != u).sum())
        best = 1e9
        for _ in range(2):
            start = time.process_time()
            f(llr)
            best = min(best, time.process_time() - start)
        print(json.dumps({"sionna": importlib.metadata.version("sionna-no-rt"), "torch": torch.__version__,
                          "rule": rule, "batch": batch, "compiled": compiled, "bit_errors": errors,
                          "cpu_seconds": best, "mbit_per_cpu_s": batch * K / best / 1e6}), flush=True)
