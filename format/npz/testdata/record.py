# Writes the archives beside this file, as NumPy does. Recorded with NumPy 2.4.6 and
# Python 3.11.7:
#
#   python3 -m venv v && v/bin/pip install numpy==2.4.6 && v/bin/python record.py
import os, zipfile
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
h = (np.arange(24).reshape(2, 3, 4) * (1 - 0.5j)).astype("complex64")
x = np.linspace(-1, 1, 5)
labels = np.array([3, 1, 2], "int64")
np.savez("stored.npz", h=h, x=x, labels=labels)
np.savez_compressed("deflated.npz", h=h, x=x, labels=labels, zeros=np.zeros(5000, "float32"))
np.savez("object.npz", fine=np.float32([1, 2]), bad=np.array([{"a": 1}], dtype=object))
np.savez("fortran.npz", f=np.asfortranarray(np.ones((2, 3))))
# Sizes and offsets in Zip64 fields of the directory, which else only large files have.
zipfile.ZIP64_LIMIT = 16
zipfile.ZIP_FILECOUNT_LIMIT = 1
np.savez("zip64.npz", h=h, x=x)
