import pickle

import pytest
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions, WorkerOptions

from pipelines.running.beam_flags import beam_options, refuse_our_flags_misspelt, suggest
from pipelines.running.errors import UsageError

OURS = ["--threshold", "--dry-run", "--num-perm"]


def test_all_of_beams_groups_are_known() -> None:
    options = beam_options(
        [
            "--direct_num_workers=3",
            "--streaming",
            "--machine_type",
            "n2-standard-4",
            "--experiments=a",
            "--experiments=b",
        ],
        OURS,
    )
    assert options.view_as(DirectOptions).direct_num_workers == 3
    assert options.view_as(StandardOptions).streaming is True
    assert options.view_as(WorkerOptions).machine_type == "n2-standard-4"
    assert options.get_all_options()["experiments"] == ["a", "b"]


def test_no_flags_are_beams_defaults() -> None:
    assert beam_options([], OURS).view_as(StandardOptions).runner is None


def test_a_group_of_flags_is_read_once_and_all_views_share_their_values() -> None:
    options, other = (beam_options(["--experiments=a", "--runner=FnApiRunner"], OURS) for _ in range(2))
    view = options.view_as(StandardOptions)
    assert options.view_as(StandardOptions) is view
    view.resource_hints = ["min_ram=4GiB"]
    options.view_as(DirectOptions).direct_num_workers = 3
    assert view.view_as(DirectOptions).direct_num_workers == 3
    kept = pickle.loads(pickle.dumps(options))
    for one in (options, kept):
        found = one.get_all_options()
        assert (found["resource_hints"], found["direct_num_workers"]) == (["min_ram=4GiB"], 3)
        assert (found["experiments"], found["runner"]) == (["a"], "FnApiRunner")
    assert "_views" not in vars(kept)
    assert other.get_all_options()["resource_hints"] == []


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["--streamin"], "unknown flag --streamin: did you mean --streaming?"),
        (["--direct_num_worker=2"], "unknown flag --direct_num_worker: did you mean --direct_num_workers?"),
        (["--thresold=2"], "unknown flag --thresold: did you mean --threshold?"),
        (["--zzz"], "unknown flag --zzz: see --help"),
        (["value"], "unexpected argument 'value'"),
        (["--threshold=0.5"], "--threshold is trapline's own flag"),
        (["--direct_num_workers", "x"], "Beam refuses the options: argument --direct_num_workers"),
        (["--runner=Nobody"], "--runner Nobody: Unexpected pipeline runner"),
        (["--runner=DataflowRunner", "--project=abcdef"], "--runner DataflowRunner: .*region"),
    ],
)
def test_what_beam_would_pass_over_is_refused(tokens: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        beam_options(tokens, OURS)


@pytest.mark.parametrize("token", ["--dry_run", "--dry_run=true", "--num_perm"])
def test_our_flags_with_an_underscore_are_refused(token: str) -> None:
    with pytest.raises(UsageError, match=f"{token.split('=')[0]} is not a flag; write --"):
        refuse_our_flags_misspelt(["--threshold", "1", token], OURS)


def test_our_flags_and_beams_pass_up_to_the_misspelt_one() -> None:
    fine = ["--dry-run", "--num-perm=3", "dry_run", "--direct_num_workers", "2"]
    refuse_our_flags_misspelt(fine, OURS)
    with pytest.raises(UsageError, match="--num_perm is not a flag"):
        refuse_our_flags_misspelt([*fine, "--num_perm=3"], OURS)


def test_suggestions() -> None:
    assert suggest("--num-prem=3", OURS) == "unknown flag --num-prem: did you mean --num-perm?"
    assert suggest("x", OURS).startswith("unexpected argument 'x'")
