"""Runs one command and writes what the kernel says about it; a process of its own because of `ru_maxrss`.

Linux counts, as the memory of a new process, that of the process which started it until the new program is loaded.
The benchmark's own process is large; this one is small. Run with `python -I -S launcher.py REPORT COMMAND...`.
"""

import json
import os
import sys
import time


def main(report: str, command: list[str]) -> None:
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    found = {
        "code": os.waitstatus_to_exitcode(status),
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_rss": usage.ru_maxrss * unit,
    }
    with open(report, "w", encoding="utf8") as file:  # noqa: PTH123  pathlib would only make this process larger
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
