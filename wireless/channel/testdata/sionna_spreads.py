# Medians over links of (spread of the clusters made) / (spread drawn), and the mean number of
# clusters, by Sionna 2.2.0 with PyTorch 2.15 (pip install sionna), tables of TR 38.901 v16.1:
#   python sionna_spreads.py > sionna_spreads.csv
# The scenarios, distances and the carrier are those of TestClustersHaveTheDrawnSpreads.
import math
import torch
from sionna.phy.channel.tr38901 import UMa, UMi, RMa, PanelArray

torch.manual_seed(1)
torch.set_num_threads(1)
links = 1500
print("scenario,condition,links,delay,asd,asa,zsd,zsa,clusters")
cases = [("umi", UMi, 10, True, False, 17), ("umi", UMi, 10, False, False, 150), ("uma", UMa, 25, True, False, 17),
         ("uma", UMa, 25, False, False, 400), ("rma", RMa, 35, True, False, 10), ("rma", RMa, 35, False, False, 3000),
         ("uma", UMa, 25, False, True, 300)]
for name, model, height, los, indoor, distance in cases:
    array = PanelArray(1, 1, "single", "V", "omni", 6e9)
    args = dict(carrier_frequency=6e9, ut_array=array, bs_array=array, direction="downlink", precision="double", spec_version="16.1", device="cpu")
    if name != "rma":
        args["o2i_model"] = "low"
    channel = model(**args)
    point = lambda x, z: torch.tensor([x, 0.0, z], dtype=torch.float64).repeat(links, 1, 1)
    zero = torch.zeros(links, 1, 3, dtype=torch.float64)
    channel.set_topology(point(float(distance), 1.5), point(0.0, float(height)), zero, zero, zero,
                         torch.full((links, 1), indoor), los=los)
    lsp = channel._lsp_sampler()
    rays = channel._ray_sampler(lsp)
    scenario = channel._scenario
    with_sight = los and not indoor
    k = lsp.k_factor[:, 0, 0] if with_sight else torch.zeros(links, dtype=torch.float64)
    power = rays.powers[:, 0, 0]
    share = power / (1 + k)[:, None]
    # Delays of sub-clusters: the two strongest have three.
    unit = scenario.get_param("cDS")[:, 0, 0][:, None] * 1e-9
    strong = torch.zeros_like(power).scatter(1, power.topk(2, dim=1).indices, 1.0)
    delays = torch.stack([rays.delays[:, 0, 0] + strong * unit * x for x in (0, 1.28, 2.56)], 2)
    weight = share[..., None] * torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    total = weight.sum((1, 2)) + k / (1 + k)
    mean = (weight * delays).sum((1, 2)) / total
    square = (weight * delays**2).sum((1, 2)) / total
    ratios = [(square - mean**2).clamp(min=0).sqrt() / lsp.ds[:, 0, 0]]
    for rays_of, direct, drawn in ((rays.aod, scenario.los_aod, lsp.asd), (rays.aoa, scenario.los_aoa, lsp.asa),
                                   (rays.zod, scenario.los_zod, lsp.zsd), (rays.zoa, scenario.los_zoa, lsp.zsa)):
        sum_ = (share[..., None] / 20 * torch.exp(1j * rays_of[:, 0, 0])).sum((1, 2))
        sum_ = sum_ + k / (1 + k) * torch.exp(1j * math.pi / 180 * direct[:, 0, 0])
        ratios.append((-2 * torch.log(sum_.abs() / total)).sqrt() / (drawn[:, 0, 0] * math.pi / 180))
    print(",".join([name, "O2I" if indoor else ("LOS" if los else "NLOS"), str(links)] +
                   ["%.4f" % r.median().item() for r in ratios] + ["%.3f" % (power > 0).sum(1).double().mean().item()]))
