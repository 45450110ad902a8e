"""Draws the diagrams of the documentation: `make pictures`, or `python docs/pictures.py [FOLDER]`.

Plain SVG without fonts, scripts or dates, so that the same program always writes the same bytes.
"""

import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent / "pictures"
FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
FILL = {"public": "#e3f2ef", "secret": "#fbe9dc", "step": "#ffffff", "group": "#f4f6f8", "outside": "#eceff1"}
LINE = {"public": "#2a7f72", "secret": "#b5651d", "step": "#37474f", "group": "#b0bec5", "outside": "#78909c"}


@dataclass
class Picture:
    """Boxes and arrows on a white ground, in pixels.

    Attributes:
        width: of the picture.
        height: of the picture.
        title: what it shows, for readers who do not see it.
    """

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def box(self, x: int, y: int, w: int, h: int, lines: str, look: str = "step") -> None:
        """A box with centred lines of text; the first one is bold."""
        self.parts.append(
            f"<rect x='{x}' y='{y}' width='{w}' height='{h}' rx='6' fill='{FILL[look]}' stroke='{LINE[look]}'/>"
        )
        rows = lines.split("\n")
        top = y + h / 2 - 8 * (len(rows) - 1)
        for at, row in enumerate(rows):
            self.text(x + w // 2, int(top + 16 * at + 5), row, bold=at == 0, anchor="middle")

    def group(self, x: int, y: int, w: int, h: int, title: str) -> None:
        """A frame with a title in its upper left corner."""
        self.parts.append(
            f"<rect x='{x}' y='{y}' width='{w}' height='{h}' rx='8' fill='{FILL['group']}' stroke='{LINE['group']}'/>"
        )
        self.text(x + 12, y + 20, title, bold=True)

    def text(self, x: int, y: int, text: str, bold: bool = False, anchor: str = "start", size: int = 13) -> None:
        """One line of text."""
        weight = " font-weight='600'" if bold else ""
        self.parts.append(
            f"<text x='{x}' y='{y}' font-size='{size}' text-anchor='{anchor}'{weight} fill='#1f2d33'>"
            f"{escape(text)}</text>"
        )

    def arrow(self, *points: tuple[int, int], dashed: bool = False) -> None:
        """A line through points, with a head at its end."""
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = " stroke-dasharray='4 3'" if dashed else ""
        self.parts.append(
            f"<polyline points='{path}' fill='none' stroke='#455a64' stroke-width='1.4' marker-end='url(#head)'{dash}/>"
        )

    def svg(self) -> str:
        """The whole file."""
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self.width} {self.height}' width='{self.width}' "
            f"height='{self.height}' role='img' {FONT}>\n<title>{escape(self.title)}</title>\n"
            "<defs><marker id='head' viewBox='0 0 10 10' refX='9' refY='5' markerWidth='7' markerHeight='7' "
            "orient='auto-start-reverse'><path d='M0,0 L10,5 L0,10 z' fill='#455a64'/></marker></defs>\n"
            f"<rect width='{self.width}' height='{self.height}' fill='#ffffff'/>\n"
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def pipeline() -> Picture:
    """The way from a corpus to a verdict, command by command."""
    p = Picture(980, 300, "From a corpus to a verdict: make candidates, seal, draw, plant, train, score, verify")
    p.box(20, 30, 150, 62, "traps, puzzles\nunits of alike\ncandidates", "secret")
    p.box(220, 30, 150, 62, "seal\ncandidates and plan\nunder a key")
    p.box(420, 30, 150, 62, "draw\none candidate of\neach unit")
    p.box(620, 30, 170, 62, "planted + held out\nsame units, nobody\ntold which", "secret")
    p.arrow((170, 61), (218, 61))
    p.arrow((370, 61), (418, 61))
    p.arrow((570, 61), (618, 61))
    p.box(220, 112, 150, 34, "commitment.json", "public")
    p.arrow((295, 92), (295, 110))
    p.box(20, 190, 150, 62, "corpus\nParquet, Arrow, JSONL", "public")
    p.box(220, 190, 150, 62, "prepare\ndeduplicate and plant")
    p.box(420, 190, 150, 62, "planted corpus\nshards, report", "public")
    p.box(620, 190, 80, 62, "training\n(yours)", "outside")
    p.box(740, 190, 90, 62, "score\ncheckpoints")
    p.box(870, 190, 90, 62, "verify\nexact test")
    p.arrow((170, 221), (218, 221))
    p.arrow((370, 221), (418, 221))
    p.arrow((570, 221), (618, 221))
    p.arrow((700, 221), (738, 221))
    p.arrow((830, 221), (868, 221))
    p.arrow((495, 92), (495, 166), (345, 166), (345, 188))
    p.arrow((770, 92), (770, 188))
    p.arrow((915, 190), (915, 148))
    p.box(850, 102, 120, 44, "verdict\np-value, report", "public")
    for at, (look, text) in enumerate((("public", "may be published"), ("secret", "secret"), ("step", "a command"))):
        x = 20 + 150 * at
        p.parts.append(
            f"<rect x='{x}' y='272' width='14' height='14' rx='3' fill='{FILL[look]}' stroke='{LINE[look]}'/>"
        )
        p.text(x + 22, 284, text, size=12)
    return p


def rooms() -> Picture:
    """What may import what."""
    p = Picture(900, 452, "Rooms and imports: pipelines import transforms, transforms import schemas")
    p.group(20, 16, 860, 112, "pipelines/   one file per command; imports anything below")
    names = ("running", "corpus", "probes", "scoring", "verdict", "pages")
    words = ("flags, config,\nprogress", "run of dedup,\nprepare", "run of traps,\npuzzles", "run of score",
             "from scores\nto words", "HTML reports")  # fmt: skip
    for at, (name, said) in enumerate(zip(names, words, strict=True)):
        p.box(36 + 140 * at, 46, 128, 66, f"{name}\n{said}")
    p.arrow((450, 128), (450, 150))
    p.group(20, 152, 860, 186, "transforms/   one room per capability; none imports its neighbour")
    names = ("dedup", "probes", "planting", "certify", "ordering", "scoring", "verification")
    words = ("shingles, MinHash,\nsurvivors", "traps, puzzles,\nfacts", "seal, draw,\nplaces, ledger",
             "judges,\nattacks", "schedules, shuffle,\ntokens", "model, metrics,\ngeneration",
             "exact test,\npower")  # fmt: skip
    for at, (name, said) in enumerate(zip(names, words, strict=True)):
        p.box(30 + 121 * at, 182, 114, 66, f"{name}\n{said}")
        p.arrow((87 + 121 * at, 248), (87 + 121 * at, 262))
    p.box(36, 264, 828, 26, "corpus: read, address, cut shards, rewrite")
    p.arrow((450, 290), (450, 302))
    p.box(36, 303, 828, 26, "base: keyed randomness, kernels, folders, tasks, errors")
    p.arrow((450, 338), (450, 360))
    p.group(20, 362, 860, 76, "schemas/   one described, versioned table per file on disk")
    for at, (name, look) in enumerate((("public", "public"), ("secret", "secret"), ("working", "step"))):
        p.box(36 + 281 * at, 392, 266, 34, name, look)
    return p


def data() -> Picture:
    """How a corpus goes through `prepare`: text is read twice and never shuffled."""
    p = Picture(960, 320, "The way of the data: scan, plan, rewrite, with committed files between them")
    p.box(20, 40, 120, 60, "corpus\nfiles", "public")
    p.box(190, 40, 130, 60, "scan\none task per piece")
    p.box(370, 40, 150, 60, "numbers\nsketches, keys, sizes\nin .work/")
    p.box(570, 40, 150, 60, "plan\nsurvivors, shards,\nplaces")
    p.box(780, 40, 150, 60, "tables\nwho stays, what is\nplanted where")
    p.arrow((140, 70), (188, 70))
    p.arrow((320, 70), (368, 70))
    p.arrow((520, 70), (568, 70))
    p.arrow((720, 70), (778, 70))
    p.box(570, 190, 150, 60, "rewrite\none task per shard")
    p.arrow((855, 100), (855, 220), (722, 220))
    p.arrow((80, 100), (80, 140), (645, 140), (645, 188))
    p.text(100, 134, "text, read a second time", size=12)
    p.box(780, 246, 150, 44, "secrets/\nkey, draw, ledger", "secret")
    p.arrow((778, 268), (750, 268), (750, 236), (722, 236), dashed=True)
    p.box(330, 176, 170, 40, "data/, duplicates/,\nquarantine/", "public")
    p.box(330, 232, 170, 40, "report.html, card,\nmetrics.json", "public")
    p.arrow((570, 210), (502, 200))
    p.arrow((570, 230), (502, 248))
    p.box(110, 204, 160, 40, "manifest.json,\nthen _SUCCESS", "public")
    p.arrow((330, 200), (272, 216))
    p.arrow((330, 248), (272, 234))
    return p


PICTURES = {"pipeline.svg": pipeline, "rooms.svg": rooms, "data.svg": data}


def main(folder: Path = HERE) -> None:
    """Write all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (folder / name).write_text(draw().svg(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
