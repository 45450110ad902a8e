"""What a person sees while a run works: one bar per stage on a terminal, one line per stage otherwise."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from transforms.base.folders import Folder
from transforms.base.readable import counted, size
from transforms.base.stores.address import shown

LOCAL_SECONDS, REMOTE_SECONDS = 0.2, 5.0


@dataclass
class StageTime:
    """How long a stage took and what passed through it."""

    name: str
    seconds: float = 0.0
    bytes: int = 0
    documents: int = 0
    resumed: bool = False


@dataclass
class Progress:
    """Shows the stages of a run and remembers their times."""

    quiet: bool = False
    stages: list[StageTime] = field(default_factory=list)

    @contextlib.contextmanager
    def stage(self, name: str, folder: Folder, sizes: Mapping[str, int]) -> Iterator[StageTime]:
        """Time one stage; `sizes` says how much each file that it commits in `folder` stands for."""
        record = StageTime(name)
        began = time.perf_counter()
        with self._shown(name, folder, sizes):
            yield record
        record.seconds = time.perf_counter() - began
        self.stages.append(record)
        self._line(record)

    @contextlib.contextmanager
    def counting(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show `text` and how many of `total` are done, for as long as the block runs: it is given what sets that."""
        if self.quiet or not sys.stderr.isatty():
            self.say(f"{text}, {total} in all")
            yield lambda _done: None
            return
        from rich.console import Console

        with Console(stderr=True).status(f"{text}, 0 of {total}") as status:
            yield lambda done: status.update(f"{text}, {done} of {total}")

    def say(self, text: str) -> None:
        """A line for the person at the terminal."""
        if not self.quiet:
            print(shown(text), file=sys.stderr, flush=True)

    def _line(self, record: StageTime) -> None:
        timed = record.bytes and record.seconds > 0 and not record.resumed
        rate = f"  {size(record.bytes / record.seconds)}/s" if timed else ""
        amount = f"  {counted(record.documents, 'document')}" if record.documents else ""
        note = "  (done before)" if record.resumed else ""
        self.say(f"{record.name:<8} {record.seconds:7.1f} s{amount}{rate}{note}")

    @contextlib.contextmanager
    def _shown(self, name: str, folder: Folder, sizes: Mapping[str, int]) -> Iterator[None]:
        if self.quiet or not sys.stderr.isatty() or not sizes:
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        total = sum(sizes.values())
        columns = (
            TextColumn("{task.description:<8}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[done]}"),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(name, total=total, done="")

            def show() -> None:
                done = sum(sizes.get(entry, 0) for entry in folder.names())
                bar.update(task, completed=done, done=f"{size(done)} of {size(total)}")

            with repeated(show, LOCAL_SECONDS if folder.local else REMOTE_SECONDS):
                yield


@contextlib.contextmanager
def repeated(do: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call `do` every so many seconds while the block runs; errors of the file system are passed over."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(seconds):
            with contextlib.suppress(OSError):
                do()

    thread = threading.Thread(target=loop, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
