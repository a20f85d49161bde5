# Records the DM-RS of Sionna's PUSCH with CP-OFDM, whose sequence, subcarriers and
# codes are those of the PDSCH: one JSON line a configuration with the values of the
# resource elements of each port that are not zero.
#
#   python3 -m venv v && v/bin/pip install sionna-no-rt==2.2.0
#   v/bin/python sionna_dmrs.py > dmrs.jsonl
import json
import numpy as np
import sionna.phy.nr as nr

for kind, length, additional, first, groups, identity, scid, slot, layers in [
    (1, 1, 0, 2, 1, 0, 0, 0, 1), (1, 1, 1, 2, 2, 77, 0, 3, 2), (1, 1, 3, 2, 2, 1007, 1, 19, 4),
    (1, 2, 1, 3, 2, 65535, 0, 7, 4), (2, 1, 2, 3, 3, 12, 1, 1, 4), (2, 2, 1, 2, 3, 4321, 0, 11, 4)]:
    c = nr.PUSCHConfig()
    c.carrier.subcarrier_spacing, c.carrier.n_size_grid, c.carrier.slot_number = 30, 3, slot
    c.mapping_type, c.symbol_allocation, c.num_antenna_ports, c.num_layers = "A", [0, 14], layers, layers
    d = c.dmrs
    d.config_type, d.length, d.additional_position, d.type_a_position = kind, length, additional, first
    d.num_cdm_groups_without_data, d.n_id, d.n_scid, d.dmrs_port_set = groups, [identity, identity], scid, list(range(layers))
    grid = np.array(c.dmrs_grid)  # [port, subcarrier, symbol]
    ports = []
    for g in grid:
        at = [[int(l), int(k)] for k, l in zip(*np.nonzero(np.abs(g) > 1e-6))]
        at.sort()
        ports.append({"at": at, "value": [[round(float(x), 6) for x in (g[k, l].real, g[k, l].imag)] for l, k in at]})
    print(json.dumps({"type": kind, "length": length, "additional": additional, "first": first, "groups": groups,
                      "id": identity, "scid": scid, "slot": slot, "ports": ports}, separators=(",", ":")))
