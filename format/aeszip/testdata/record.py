#!/usr/bin/env python3
"""Makes the archives of aeszip_test.go with pyzipper 0.4.0, an independent writer.

    pip install pyzipper==0.4.0 && python3 record.py

Salts are random: the bytes differ from run to run, what they hold does not.
"""
import pyzipper

PASSWORD = b"a password for tests"
TEXT = "".join(f"line {i} of a text that is encrypted\n" for i in range(200)).encode()

for bits in (128, 192, 256):
    for version in (1, 2):
        packing = pyzipper.ZIP_STORED if version == 2 else pyzipper.ZIP_DEFLATED
        with pyzipper.AESZipFile(f"aes{bits}-ae{version}.zip", "w", compression=packing) as z:
            z.setpassword(PASSWORD)
            z.setencryption(pyzipper.WZ_AES, nbits=bits, force_wz_aes_version=version)
            z.writestr("folder/text.txt", TEXT)
            z.writestr("empty.txt", b"")

with pyzipper.AESZipFile("plain.zip", "w", compression=pyzipper.ZIP_DEFLATED) as z:
    z.writestr("folder/text.txt", TEXT)
    z.writestr("empty.txt", b"")
