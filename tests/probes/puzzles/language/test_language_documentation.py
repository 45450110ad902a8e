"""The example of docs/reference/puzzle-texts.md does what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[4] / "docs" / "reference" / "puzzle-texts.md"


def test_the_example_runs() -> None:
    block = re.search(r"(?:^    .*\n|^\n)+", PAGE.read_text("utf-8").partition("## Texts")[2], re.MULTILINE)
    assert block is not None
    values: dict[str, object] = {}
    exec(re.sub(r"^    ", "", block[0], flags=re.MULTILINE), values)
    first = values["texts"].to_pylist()[0]
    assert first.startswith(values["quiz"].to_pylist()[0])
    assert re.search(r"\n\nCONCLUSION:\n\(1\) \w+ is a kn(?:ight|ave)\n\(2\) ", first)
    assert values["prompts"].to_pylist()[0].endswith("### Answer\nCONCLUSION:\n")
