# The Sionna leg of "comlam bench radio": one thread, double precision for channels and
# single for decoding, as ComLAM. Prints a head, then a value a row, as JSON lines.
import importlib.metadata, json, os, sys, time

os.environ["OMP_NUM_THREADS"] = "1"
import torch

torch.set_num_threads(1)
import sionna.phy
from sionna.phy.channel import cir_to_ofdm_channel, subcarrier_frequencies
from sionna.phy.channel.tr38901 import CDL, PanelArray
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

try:
    sionna.phy.config.device = "cpu"
except Exception:
    pass


def say(**words):
    print(json.dumps(words), flush=True)


def rate(work, call):
    call()
    best = 1e9
    for _ in range(3):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return work / best


def version(*names):
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass


say(version="Sionna %s, PyTorch %s" % (version("sionna-no-rt", "sionna"), torch.__version__))
batch = int(sys.argv[1])
with torch.no_grad():
    sionna.phy.config.precision = "double"

    def panel(rows, cols):
        return PanelArray(num_rows_per_panel=rows, num_cols_per_panel=cols, polarization="dual", polarization_type="cross",
                          antenna_pattern="38.901", carrier_frequency=3.5e9)

    cdl = CDL("C", 100e-9, 3.5e9, panel(1, 2), panel(4, 4), "downlink", min_speed=1.0, max_speed=30.0)
    f = subcarrier_frequencies(72, 30e3)
    say(row="cdl", value=rate(batch, lambda: cir_to_ofdm_channel(f, *cdl(batch, 14, 14 / 0.5e-3))))

    sionna.phy.config.precision = "single"
    encoder = LDPC5GEncoder(8448, 16896)
    decoder = LDPC5GDecoder(encoder, num_iter=20, cn_update="minsum", hard_out=True)
    coded = encoder(torch.randint(0, 2, (batch, 8448)).float())
    variance = 10 ** -0.15
    soft = 2 * (2 * coded - 1 + torch.randn_like(coded) * variance**0.5) / variance
    say(row="ldpc", value=rate(batch * 8448 / 1e6, lambda: decoder(soft)))
