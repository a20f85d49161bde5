# Times Sionna's CDL-C on one CPU core: 32 x 4 antennas (4 x 4 dual-polarised 3GPP
# elements at the BS, 1 x 2 dual-polarised at the UE), 14 slots, 72 subcarriers, the
# same work as BenchmarkSample/cdl-c-32x4-14x72. Prints one JSON line a variant.
#
#   python3 -m venv v && v/bin/pip install sionna-no-rt
#   OMP_NUM_THREADS=1 v/bin/python sionna_cdl.py [batch ...]
import importlib.metadata, json, os, sys, time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch

torch.set_num_threads(1)
import sionna.phy
from sionna.phy.channel import cir_to_ofdm_channel, subcarrier_frequencies
from sionna.phy.channel.tr38901 import CDL, PanelArray

try:
    sionna.phy.config.device = "cpu"
except Exception:
    pass
CARRIER, SPACING, SLOTS, SUBCARRIERS, INTERVAL = 3.5e9, 30e3, 14, 72, 0.5e-3 / 14
for precision in ["double", "single"]:
    sionna.phy.config.precision = precision

    def panel(rows, cols):
        return PanelArray(num_rows_per_panel=rows, num_cols_per_panel=cols, polarization="dual", polarization_type="cross",
                          antenna_pattern="38.901", carrier_frequency=CARRIER)

    bs, ue = panel(4, 4), panel(1, 2)
    cdl = CDL("C", 100e-9, CARRIER, ue, bs, "downlink", min_speed=1.0, max_speed=30.0)
    f = subcarrier_frequencies(SUBCARRIERS, SPACING)

    def draw(n):
        a, tau = cdl(n, SLOTS, 1 / INTERVAL)
        return cir_to_ofdm_channel(f, a, tau)

    for batch in [int(b) for b in sys.argv[1:]] or [1, 4, 16]:
        with torch.no_grad():
            h = draw(batch)
            assert h.numel() == batch * 4 * 32 * SLOTS * SUBCARRIERS, h.shape
            best, cpu = 1e9, 1e9
            for _ in range(3):
                wall, start = time.perf_counter(), time.process_time()
                draw(batch)
                cpu = min(cpu, time.process_time() - start)
                best = min(best, time.perf_counter() - wall)
        print(json.dumps({"sionna": importlib.metadata.version("sionna-no-rt"), "torch": torch.__version__, "precision": precision,
                          "dtype": str(h.dtype), "mean_power": float((h.abs() ** 2).mean()), "batch": batch,
                          "channels_per_cpu_s": batch / cpu, "channels_per_s": batch / best}), flush=True)
