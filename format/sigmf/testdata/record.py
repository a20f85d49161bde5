# Writes the recordings beside this file with the reference package. Recorded with
# sigmf 1.14.0 (specification 1.2.6) and NumPy 2.4.6:
#
#   python3 -m venv v && v/bin/pip install sigmf numpy && v/bin/python record.py
import os
import numpy as np
import sigmf
from sigmf import SigMFFile, SigMFCollection

os.chdir(os.path.dirname(os.path.abspath(__file__)))
values = np.array([0, 1, 2, 100, -128, 127, -3, 5])


def write(name, datatype, raw, channels=1):
    raw.tofile(name + ".sigmf-data")
    m = SigMFFile(data_file=name + ".sigmf-data", global_info={
        "core:datatype": datatype, "core:sample_rate": 1e6, "core:num_channels": channels,
        "core:version": sigmf.__specification__, "core:author": "recorded"})
    m.add_capture(0, metadata={"core:frequency": 3.5e9})
    m.add_annotation(1, 1, metadata={"core:label": "burst"})
    m.tofile(name + ".sigmf-meta", overwrite=True)


write("cf32_le", "cf32_le", values.astype("<f4"))
write("ci16_le", "ci16_le", (values * 200).astype("<i2"))
write("ci16_be", "ci16_be", (values * 200).astype(">i2"))
write("ri8", "ri8", values.astype("i1"), channels=2)
write("ru32_be", "ru32_be", (values + 4294967000).astype(">u4"))
SigMFCollection(["cf32_le.sigmf-meta", "ri8.sigmf-meta"]).tofile("both.sigmf-collection", overwrite=True)
print(sigmf.__version__, sigmf.__specification__)
