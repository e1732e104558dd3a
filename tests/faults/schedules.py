"""Seeded schedules of racing reviewers, workers, deadlines, holds and new input, with deaths, cuts and stops.

`python -m tests.faults.schedules --seeds 10000 --jobs 2` runs seeds 0 to 9999; `--seed 123` replays one and says what
happened in it. Each schedule is judged by the checker; the first complaint ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import logging
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import Databases
from tests.faults.scenario import World

__all__ = ["main", "run_seeds"]

PER_DATABASE = 250
"""Schedules that share a database: with more, the tables of the checker's questions grow long."""


async def _run(url: str, folder: Path, seeds: list[int], told: bool) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    async with World(url, folder) as world:
        for seed in seeds:
            problems = await world.play(seed)
            if told or problems:
                sys.stdout.write(
                    f"seed {seed}: {world.story}\n" + "".join(f"  {line}\n" for line in world.log)
                )
            if problems:
                found[seed] = problems
                break  # what follows in this database may be a consequence
        else:
            if problems := await world.audited():
                found[seeds[-1]] = problems
    return found


def run_seeds(seeds: list[int], *, run: str | None = None, told: bool = False) -> dict[int, list[str]]:
    """Play these schedules, one after another, and return the complaints by seed."""
    found: dict[int, list[str]] = {}
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it warns of each connection that was cut
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    with Databases(prepare=migrate, run=run) as databases, tempfile.TemporaryDirectory() as folder:
        for first in range(0, len(seeds), PER_DATABASE):
            with databases.fresh_database() as url:
                some = seeds[first : first + PER_DATABASE]
                found |= asyncio.run(_run(url, Path(folder), some, told))
            if found:
                break
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seeds", type=int, default=100, help="how many schedules")
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--seed", type=int, help="replay this one alone, and tell what happens")
    options.add_argument("--jobs", type=int, default=1, help="processes at once")
    given = options.parse_args(arguments)
    began = time.monotonic()
    if given.seed is not None:
        found = run_seeds([given.seed], told=True)
    else:
        seeds = list(range(given.first, given.first + given.seeds))
        parts = [seeds[at : at + PER_DATABASE] for at in range(0, len(seeds), PER_DATABASE)]
        spawn = multiprocessing.get_context("spawn")
        found = {}
        with concurrent.futures.ProcessPoolExecutor(given.jobs, mp_context=spawn) as pool:
            for number, done in enumerate(pool.map(run_seeds, parts), start=1):
                found |= done
                spent = time.monotonic() - began
                played = min(number * PER_DATABASE, given.seeds)
                sys.stdout.write(f"{played} schedules, {spent:.0f} s, {len(found)} failed\n")
                sys.stdout.flush()
    for seed, problems in found.items():
        sys.stdout.write(
            f"seed {seed} failed; replay it with: python -m tests.faults.schedules --seed {seed}\n"
        )
        sys.stdout.write("".join(f"  {problem}\n" for problem in problems))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
