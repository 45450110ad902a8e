"""Tables of what `judge` writes."""

from benchmarks.sentences.pages import half_lives, together, verdicts


def test_tables_show_both_seeds_and_what_is_missing() -> None:
    auc = {"value": 0.9, "low": 0.8, "high": 1.0}
    verdict = {"p": 1e-6, "auc": auc, "by_dose": [{"dose": 10, "auc": auc | {"value": 0.95}, "p_value": 0.01}]}
    seeds = []
    for number, means in ((0, [0.5, 0.91, 0.72]), (1, [0.5, 0.93])):
        one = {
            "arm": "planted", "rate": 1e-3, "steps": [-8, 0, 1000][: len(means)],
            "verdicts": {"0": verdict, "1000": verdict}, "auc": {"10": {"mean": means}},
            "half-life of recall": {"10": [{"from": 3, "to": 10}, None][number]},
        }  # fmt: skip
        seeds.append({"facts": {"seed": number}, "courses": [one], "inside": {"planted": verdict}})
    found = {"design": {"doses": [10]}, "seeds": seeds}
    shown = verdicts(found)
    assert "| planted 1 | study at 0.001, 1,000 updates later | 1e-06 | 0.90 (0.80 to 1.00) | 0.95 " in shown
    assert "| planted 0 | inside the base's training, 1 copy | 1e-06 | 0.90 (0.80 to 1.00) |  |" in shown
    rows = together(found, ["auc"], 2, str.isdigit).splitlines()
    assert rows[0] == "| rate | group | before | after | +1,000 |"
    assert rows[2] == "| 0.001 | 10 | 0.50 / 0.50 | 0.91 / 0.93 | 0.72 / - |"
    assert len(together(found, ["auc"], 2, str.islower).splitlines()) == 2
    assert half_lives(found).splitlines()[2:] == [
        "| planted 0 | 0.001 | 3 to 10 |",
        "| planted 1 | 0.001 | not defined |",
    ]
