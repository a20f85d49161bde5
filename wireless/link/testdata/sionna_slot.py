# Times Sionna's OFDM link on one CPU core: the same work as BenchmarkSlot. Slots of 14
# symbols and 240 subcarriers of 30 kHz, 16QAM without a code, one antenna to one, TDL-A
# of 100 ns and 30 km/h at 3.5 GHz, pilots on every second subcarrier of symbols 2 and
# 11, no data on those; bits, mapping, channel in the frequency domain, noise, LS and
# LMMSE estimation (of Sionna: subcarriers first, symbols then), LMMSE equaliser, exact soft bits, decisions. Prints one JSON line
# an estimator.
#
#   python3 -m venv v && v/bin/pip install sionna-no-rt==2.2.0
#   OMP_NUM_THREADS=1 v/bin/python sionna_slot.py [batch [single|double]]
import importlib.metadata, json, sys, time
import numpy as np
import torch
torch.set_num_threads(1)
import sionna.phy
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import (ResourceGrid, ResourceGridMapper, LSChannelEstimator, LMMSEChannelEstimator,
                             LMMSEEqualizer, PilotPattern, tdl_freq_cov_mat, tdl_time_cov_mat)
from sionna.phy.channel import OFDMChannel, AWGN
from sionna.phy.channel.tr38901 import TDL
from sionna.phy.mapping import Mapper, Demapper, BinarySource

batch = int(sys.argv[1]) if len(sys.argv) > 1 else 32
sionna.phy.config.device = "cpu"
sionna.phy.config.precision = sys.argv[2] if len(sys.argv) > 2 else "single"
L, N, QM, SPACING = 14, 240, 4, 30e3
SPEED, SPREAD, CARRIER, SNR_DB = 30 / 3.6, 100e-9, 3.5e9, 10

mask = np.zeros([1, 1, L, N], bool)
mask[:, :, [2, 11], :] = True
values = np.zeros([1, 1, 2, N], complex)
values[..., ::2] = (1 + 1j)  # power 2: that of the empty subcarriers beside them
pilots = PilotPattern(mask, values.reshape(1, 1, -1))
rg = ResourceGrid(L, N, SPACING, num_tx=1, num_streams_per_tx=1, cyclic_prefix_length=18, pilot_pattern=pilots)
sm = StreamManagement(np.array([[1]]), 1)
source, mapper, rg_mapper = BinarySource(), Mapper("qam", QM), ResourceGridMapper(rg)
tdl = TDL("A", SPREAD, CARRIER, min_speed=SPEED, max_speed=SPEED)
channel = OFDMChannel(tdl, rg, normalize_channel=False, return_channel=True)
freq = tdl_freq_cov_mat("A", SPACING, N, SPREAD)
when = tdl_time_cov_mat("A", SPEED, CARRIER, rg.ofdm_symbol_duration, L)
demapper = Demapper("app", "qam", QM)
equalizer = LMMSEEqualizer(rg, sm)
estimators = {
    "ls-linear": LSChannelEstimator(rg, interpolation_type="lin"),
    "lmmse": LMMSEChannelEstimator(rg, when, freq, order="f-t"),
}
no = torch.tensor(10 ** (-SNR_DB / 10))
bits_a_slot = int(rg.num_data_symbols) * QM


@torch.no_grad()
def run(name):
    b = source([batch, 1, 1, bits_a_slot])
    y, h = channel(rg_mapper(mapper(b)), no)
    if name == "perfect":
        h_hat, err = h, torch.zeros([])
    else:
        h_hat, err = estimators[name](y, no)
    x_hat, no_eff = equalizer(y, h_hat, err, no)
    return float((((demapper(x_hat, no_eff)) > 0).to(b.dtype) != b).double().mean())


for name in ["perfect", "ls-linear", "lmmse"]:
    run(name)
    start, n, bers = time.process_time(), 0, []
    while n < 3 or time.process_time() - start < 10:
        bers.append(run(name))
        n += 1
    spent = time.process_time() - start
    print(json.dumps({"sionna": importlib.metadata.version("sionna-no-rt"), "torch": torch.__version__, "estimator": name,
                      "precision": sionna.phy.config.precision, "batch": batch, "slots": n * batch,
                      "slots_per_cpu_s": n * batch / spent, "ber": sum(bers) / n}), flush=True)
