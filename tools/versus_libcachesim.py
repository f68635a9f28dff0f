#!/usr/bin/env python3
"""The cache laboratory beside libCacheSim: the same policies at the same sizes on the same trace and cores.

    python3 -m venv venv && venv/bin/pip install libcachesim==0.3.5
    cargo build --release
    venv/bin/python tools/versus_libcachesim.py TRACE --millstream target/release/millstream [--format u32be]

libCacheSim runs as well as its Python package allows: the loop over the trace is its own C (`process_trace`), the
trace is in its own fastest format (oracleGeneral, not compressed, mapped), its hash table is of the size that suits the
trace unless the default is faster, one process a core takes simulations from one list, largest first. The time counted
is from the first simulation to the last; starting Python is not in it.

Millstream reads the same file. Its time is that of the whole command: start, reading, numbering, simulations, output;
the command line of a user who starts from the trace as it is, compressed, is timed as well.

Rounds are interleaved. Misses are compared row by row; the command ends with 1 if one differs.
"""

import argparse
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time

import libcachesim
import numpy

# Ours and theirs.
POLICIES = {
    "fifo": "FIFO",
    "lru": "LRU",
    "lfu": "LFU",
    "clock": "Clock",
    "sieve": "Sieve",
    "s3-fifo": "S3FIFO",
    "w-tinylfu": "WTinyLFU",
    "arc": "ARC",
}
# Below, the window of its W-TinyLFU, 1 %, has no slot, and every request misses; ours has one at least.
WINDOW_SIZE_MIN = 100
# Slots of libCacheSim's hash table by default, as a power of two.
DEFAULT_HASHPOWER = 24


def write_oracle_general(keys, path):
    """Packed little-endian u32 time, u64 id, u32 size, i64 next access (not used by these policies)."""
    record = numpy.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])
    records = numpy.empty(len(keys), dtype=record)
    records["time"], records["id"], records["size"], records["next"] = 0, keys, 1, -1
    records.tofile(path)


def simulate(job):
    path, policy, size, hashpower = job
    parameters = libcachesim.ReaderInitParam(ignore_obj_size=True)
    reader = libcachesim.TraceReader(path, libcachesim.TraceType.ORACLE_GENERAL_TRACE, parameters)
    cache = getattr(libcachesim, policy)(cache_size=size, hashpower=hashpower)
    return cache.process_trace(reader)[0]


def theirs(pool, path, rows, hashpower):
    jobs = [(path, POLICIES[row["policy"]], row["size"], hashpower) for row in rows]
    order = sorted(range(len(jobs)), key=lambda index: -jobs[index][2])
    started = time.perf_counter()
    ratios = pool.map(simulate, [jobs[index] for index in order], chunksize=1)
    elapsed = time.perf_counter() - started
    by_row = dict(zip(order, ratios))
    return elapsed, [by_row[index] for index in range(len(jobs))]


def ours(arguments, trace, out, *more):
    command = [arguments.millstream, "cache", *trace, "--out", out]
    started = time.perf_counter()
    done = subprocess.run([*command, "--json", *more], check=True, stdout=subprocess.PIPE)
    elapsed = time.perf_counter() - started
    return elapsed, json.loads(done.stdout)


def keys_of(arguments, directory):
    path = os.path.join(directory, "trace.csv")
    convert = [arguments.millstream, "trace", "convert", arguments.trace, path, "--format", arguments.format]
    subprocess.run([*convert, "-q"], check=True)
    with open(path, "rb") as lines:
        names = lines.readline().decode().strip().split(",")
        column = names.index("key")
        keys = [line.split(b",")[column] if len(names) > 1 else line for line in lines]
    return numpy.array(keys, dtype="S20").astype(numpy.uint64)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("--millstream", default="target/release/millstream")
    parser.add_argument("--format", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "trace.oracleGeneral.bin")
        keys = keys_of(arguments, directory)
        write_oracle_general(keys, path)
        out = os.path.join(directory, "out")
        given = (arguments.trace, "--format", arguments.format)
        _, rows = ours(arguments, [path], out, "--no-floor")
        fitting = max(10, math.ceil(math.log2(max(row["size"] for row in rows))) + 1)
        times = {"libCacheSim": [], "millstream": [], "  from the trace as given": [], "  and with OPT": []}
        with multiprocessing.Pool(cores) as pool:
            # Whichever of the two hash tables suits it better is the one it runs with.
            sample = [row for row in rows if row["policy"] == "lru"]
            trials = {power: theirs(pool, path, sample, power)[0] for power in (DEFAULT_HASHPOWER, fitting)}
            hashpower = min(trials, key=trials.get)
            for _ in range(arguments.rounds):
                elapsed, ratios = theirs(pool, path, rows, hashpower)
                times["libCacheSim"].append(elapsed)
                times["millstream"].append(ours(arguments, [path], out, "--no-floor")[0])
                times["  from the trace as given"].append(ours(arguments, given, out, "--no-floor")[0])
                times["  and with OPT"].append(ours(arguments, given, out)[0])
    failed = 0
    for row, ratio in zip(rows, ratios):
        misses = round(ratio * row["requests"])
        if row["misses"] != misses:
            known = row["policy"] == "w-tinylfu" and row["size"] < WINDOW_SIZE_MIN
            failed += not known
            note = "its window has no slot" if known else "differs"
            print(f"{row['policy']} at {row['size']}: {row['misses']} misses, libCacheSim {misses}: {note}")
    simulated = len(rows) * len(keys)
    print(f"{len(rows)} simulations of {len(keys):,} requests on {cores} cores, {arguments.rounds} rounds; "
          f"libCacheSim with hashpower {hashpower} ({', '.join(f'{p}: {t:.2f} s' for p, t in trials.items())} for LRU)")
    base = statistics.median(times["libCacheSim"])
    for name, elapsed in times.items():
        median = statistics.median(elapsed)
        spread = f"{min(elapsed):.2f} to {max(elapsed):.2f}"
        print(f"{name:<26} {median:7.2f} s ({spread})  {simulated / median / 1e6:7.1f} M requests/s  {base / median:6.2f} x")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
