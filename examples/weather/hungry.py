"""Take memory, step by step, until killed: what a job's memory limit is for.

With a limit it ends as `OutOfMemoryError: Container killed due to memory usage`, exit code 137.
The ceiling keeps it from hurting a machine on which no limit is enforced.
"""

import sys
import time

STEP, CEILING = 16, 1024  # MiB

held = []
while len(held) * STEP < CEILING:
    held.append(bytearray(STEP * 1024 * 1024))
    held[-1][::4096] = b"x" * len(held[-1][::4096])  # touch every page, so that it is really taken
    print(f"holding {len(held) * STEP} MiB", flush=True)
    time.sleep(0.05)
sys.exit(f"took {CEILING} MiB and nobody objected: no memory limit is enforced here")
