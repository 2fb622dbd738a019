"""Rivals on the tasks of the table, in a Python of their own: SPU (ABY3, three threads in memory) and MPyC (three processes).

Asked for a task by its name on stdin, it answers with one line of JSON, system to seconds. Compute only: shares are given,
the clock runs from the barrier at which all parties stand until the last is done; the median of three runs after one.
"""

import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time

import numpy as np
from tasks import DATA, PROGRAM

MPYC_TASKS = ("1,000 products in a row", "50 opened comparisons", "smallest cell", PROGRAM)


def spu_tasks():
    """Task: function of the shared data, what it needs, bits of the ring."""
    import jax.numpy as jnp

    def intersection(lists):
        items = jnp.sort(lists.reshape(-1))
        return jnp.where(items[2:] == items[:-2], items[2:], 0)

    def repeated(step, times=1000):
        def chain(s):
            for _ in range(times):
                s = step(s)
            return s

        return chain

    return {
        "multiply 10^6": (lambda x, y: x * y, "x y", 64),
        "less_than 10^6": (lambda x, y: x < y, "x y", 64),
        "equal 10^6": (lambda x, y: x == y, "x y", 64),
        "inner product 10^6": (jnp.dot, "x y", 64),
        "matmul 512x512": (lambda m: m @ m, "m", 64),
        "mean, variance 10^6": (lambda v: (jnp.mean(v / 1000.0), jnp.var(v / 1000.0)), "v", 64),
        "crosstab 1000x1000": (lambda a, b, c: (a[:, None] == b).astype(a.dtype) @ c, "a b c", 64),
        "sort 10^4 of 32 bits": (lambda k: jnp.sort(k[:10_000]), "k", 32),
        "sort 10^4 of 64 bits": (lambda w: jnp.sort(w[:10_000]), "w", 64),
        "sort 10^5 of 32 bits": (jnp.sort, "k", 32),
        "sort 10^5 of 64 bits": (jnp.sort, "w", 64),
        "intersect 3 x 10^4": (intersection, "small", 32),
        "intersect 3 x 10^5": (intersection, "large", 32),
        "1,000 products in a row": (repeated(lambda s: s * s), "s", 64),
        "1,000 comparisons in a row": (repeated(lambda s: s + (s < 500)), "s", 64),
        "smallest cell": (lambda s: s * s, "s", 64),
    }


def spu_seconds(name):
    import jax
    import spu
    from spu import libspu
    from spu.utils import frontend

    jax.config.update("jax_enable_x64", True)
    function, needs, bits = spu_tasks()[name]
    config = libspu.RuntimeConfig(protocol=libspu.ProtocolKind.ABY3, field=libspu.FieldType.FM32 if bits == 32 else libspu.FieldType.FM64)
    io, secret = spu.Io(3, config), libspu.Visibility.VIS_SECRET
    data = [np.asarray(DATA[n](np.random.default_rng(0)), np.int32 if bits == 32 else np.int64) for n in needs.split()]
    names = [f"in{k}" for k in range(len(data))]
    program, _ = frontend.compile(
        frontend.Kind.JAX, function, data, {}, names, [secret] * len(data), lambda out: [f"out{k}" for k in range(len(out))]
    )
    shares = [io.make_shares(array, secret) for array in data]
    description = libspu.link.Desc()
    for party in range(3):
        description.add_party(f"id_{party}", f"thread_{party}")
    took, barrier = [0.0] * 3, threading.Barrier(3)

    def work(party):
        runtime = spu.Runtime(libspu.link.create_mem(description, party), libspu.RuntimeConfig(config))
        for n, share in zip(program.input_names, shares, strict=True):
            runtime.set_var(n, share[party])
        barrier.wait()
        start = time.perf_counter()
        runtime.run(program)
        took[party] = time.perf_counter() - start

    def once():
        threads = [threading.Thread(target=work, args=(party,)) for party in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return max(took)

    return median_of(once)


def median_of(once):
    first = once()
    return statistics.median([once() for _ in range(3)]) if first < 3 else first


def mpyc_party(name):
    """One of three processes, started by MPyC; the first prints the median."""
    from mpyc.runtime import mpc

    secret = mpc.SecInt(64)

    async def products():
        s = secret(3)
        for _ in range(1000):
            s = s * s
        await mpc.gather(s)

    async def comparisons():
        s = mpc.input(secret(3), 0)
        for _ in range(50):
            await mpc.output(s < 3)

    async def smallest():
        s = mpc.input(secret(3), 0)
        await mpc.output(s * s)

    work = {"1,000 products in a row": products, "50 opened comparisons": comparisons}.get(name, smallest)

    def once():
        start = time.perf_counter()
        mpc.run(work())
        return time.perf_counter() - start

    mpc.run(mpc.start())
    seconds = median_of(once)
    mpc.run(mpc.shutdown())
    if mpc.pid == 0:
        print(seconds)


def answer(name):
    """System to seconds."""
    here = [sys.executable, __file__]
    found = {}
    if name == PROGRAM:  # of the whole program: interpreter, imports, three parties, one product
        commands = {"SPU": [*here, "spu", "smallest cell"], "MPyC": [*here, "mpyc", name, "-M3", "--no-log"]}
        for system, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            found[system] = time.perf_counter() - start
        return found
    if name in MPYC_TASKS:
        found["MPyC"] = float(subprocess.run([*here, "mpyc", name, "-M3", "--no-log"], check=True, capture_output=True, text=True).stdout)
    with contextlib.suppress(KeyError):  # not every task is in its table
        found["SPU"] = spu_seconds(name)
    return found


def main():
    if sys.argv[1:2] == ["mpyc"]:
        mpyc_party(sys.argv[2])
    elif sys.argv[1:2] == ["spu"]:
        print(spu_seconds(sys.argv[2]))
    else:
        for line in sys.stdin:
            print(json.dumps(answer(line.strip())), flush=True)


if __name__ == "__main__":
    main()
