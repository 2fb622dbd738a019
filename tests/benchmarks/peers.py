"""SPU (ABY3, in memory, 64-bit ring) and MPyC on the same work, in a Python of their own. Compute only, inputs given."""

import statistics
import time


def timed(work, runs=3):
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def spu_tasks():
    import jax.numpy as jnp
    import numpy as np
    import spu
    import spu.utils.simulation as simulation

    config = spu.RuntimeConfig(protocol=spu.ProtocolKind.ABY3, field=spu.FieldType.FM64)
    simulator = simulation.Simulator(3, config)
    x, y = (np.random.default_rng(k).integers(-(2**30), 2**30, 10**6) for k in range(2))
    work = {"multiply 10^6": lambda a, b: a * b, "less_than 10^6": lambda a, b: a < b, "equal 10^6": lambda a, b: a == b}
    for name, function in work.items():
        yield name, timed(lambda f=function: simulation.sim_jax(simulator, f)(x, y), 2)
    yield "sort 10^5", timed(lambda: simulation.sim_jax(simulator, jnp.sort)(x[:100_000]), 1)


def main():
    for title, tasks in (("SPU aby3, in memory", spu_tasks),):
        try:
            for name, seconds in tasks():
                print(f"{title:<26}{name:<20}{seconds:9.3f} s, end to end of a call", flush=True)
        except Exception as problem:  # another project's pins may not resolve here: say so and go on
            print(f"{title}: not measured ({type(problem).__name__}: {problem})")


if __name__ == "__main__":
    main()
