"""Notebooks run from start to end, in less than a minute."""

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda one: one.stem)
@pytest.mark.filterwarnings("default")  # of Jupyter's own sockets and event loops
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="a development dependency")
    nbclient = pytest.importorskip("nbclient", reason="a development dependency")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(one.get("text", "") for cell in notebook.cells for one in cell.get("outputs", ()))
    assert "saw nothing   p = 0.4762  not rejected" in printed
    assert "saw the draw  p = 0.0001  rejected" in printed


def test_a_stored_output_names_no_folder_of_its_author() -> None:
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        assert not any(word in path.read_text(encoding="utf-8") for word in ("/home/", "/Users/", "/tmp/", "/root/"))
