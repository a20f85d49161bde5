#!/usr/bin/env python3
"""Makes teleqna.zip, an archive as TeleQnA is published in (WinZip AES-256, AE-1),
with questions of our own, by pyzipper 0.4.0.

    pip install pyzipper==0.4.0 && python3 record.py
"""
import pathlib

import pyzipper

here = pathlib.Path(__file__).parent
with pyzipper.AESZipFile(here / "teleqna.zip", "w", compression=pyzipper.ZIP_DEFLATED) as z:
    z.setpassword(b"a password for tests")
    z.setencryption(pyzipper.WZ_AES, nbits=256, force_wz_aes_version=1)
    z.writestr("TeleQnA.txt", (here / "teleqna.json").read_bytes())
