"""A verdict states where the randomness and the scores came from, and refuses others than its reader states."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.cli import main
from tests.pipelines.verdict.campaign import Campaign, assert_refused, probe_rows
from tests.planting.attestations.test_rounds import ROUNDS
from tests.planting.attestations.test_ssh_signatures import public_file, signed
from transforms.planting.attestations import drand, ssh_signatures

NONCE = "8f3c5a1e6b0d49c2a7e4f1908d3b6c55"
FEW = {10: 12}
Flags = tuple[str, ...]


def sealed(folder: Path, *flags: str) -> Path:
    """Secrets that are not drawn yet."""
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(probe_rows(FEW)), folder / "probes.parquet")
    command = ["seal", "--probes", str(folder / "probes.parquet"), "--secrets", str(folder / "secrets")]
    assert main([*command, "--context", "0", "--redraws", "1999", *flags]) == 0
    return folder / "secrets"


def campaign_in(folder: Path) -> Campaign:
    """The drawn secrets of a folder, with what helps to score and verify."""
    own = object.__new__(Campaign)
    own.folder, own.rows, own.secrets, own.decides = folder, probe_rows(FEW), folder / "secrets", []
    return own


def draw(secrets: Path, *flags: str) -> int:
    return main(["draw", "--secrets", str(secrets), *flags])


@pytest.fixture
def nonce(tmp_path: Path) -> Campaign:
    secrets = sealed(tmp_path / "c", "--nonce-from", "the trainer")
    assert draw(secrets, "--nonce", NONCE) == 0
    return campaign_in(tmp_path / "c")


def test_a_verdict_states_the_nonce_and_who_must_have_given_it(nonce: Campaign) -> None:
    scores = nonce.write(nonce.scored())
    condition = f"the nonce {NONCE} decided the draw: exact only if this is the value that 'the trainer' gave"
    for flags, asserted in (((), False), (("--nonce", NONCE), True)):
        assert nonce.verify(scores, *flags, "--overwrite") == 0
        found = nonce.verdict()
        assert found["randomness"] == {
            "kind": "nonce", "name": "the trainer", "round": 0, "value": NONCE, "signature_checked": False,
            "time": None, "asserted": asserted,
        }  # fmt: skip
        (caveat,) = (one for one in found["caveats"] if condition in one)
        assert ("stated the same value" in caveat) == asserted
        assert NONCE in (nonce.folder / "verdict/report.html").read_text()


def test_another_nonce_than_the_one_stated_gets_no_verdict(nonce: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    scores = nonce.write(nonce.scored())
    assert_refused(nonce, scores, f"decided by {NONCE}, and {'0' * 32} was stated", capsys, "--nonce", "0" * 32)
    assert_refused(nonce, scores, "in place of --beacon", capsys, "--beacon", NONCE)
    assert_refused(nonce, scores, "pairs of hexadecimal digits", capsys, "--nonce", "xyz")


def test_a_second_draw_in_a_copy_of_the_folder_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = sealed(tmp_path / "one", "--nonce-from", "the trainer")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    second = tmp_path / "two/secrets"
    assert draw(first, "--nonce", NONCE) == 0
    assert draw(second, "--nonce", "0" * 32) == 0
    published = tmp_path / "drawn.json"
    shutil.copy(first / "drawn.json", published)
    statement = json.loads(published.read_bytes())
    assert statement["randomness"] == {"kind": "nonce", "name": "the trainer", "round": 0, "value": NONCE}
    assert statement["commitment"] == hashlib.sha256((first / "commitment.json").read_bytes()).hexdigest()
    other = campaign_in(tmp_path / "two")
    scores = other.write(other.scored())
    assert_refused(other, scores, "of one seal, two draws were made", capsys, "--drawn", str(published))
    assert main(["check", "--secrets", str(second), "--drawn", str(published)]) == 1
    assert "of one seal, two draws were made" in capsys.readouterr().out
    assert main(["check", "--secrets", str(first), "--drawn", str(published)]) == 0
    assert other.verify(scores, "--drawn", str(second / "drawn.json")) == 0


def test_a_draw_that_was_deleted_is_not_made_again_otherwise(
    nonce: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = (nonce.secrets / "drawn.json").read_bytes()
    for name in ("draw.json", "draw.parquet"):
        (nonce.secrets / name).unlink()
    assert draw(nonce.secrets, "--nonce", "0" * 32) == 1
    assert "states a draw with other randomness" in capsys.readouterr().err
    assert draw(nonce.secrets, "--nonce", NONCE) == 0
    assert (nonce.secrets / "drawn.json").read_bytes() == statement


def test_the_statement_of_a_draw_is_held_against_the_draw(nonce: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    path = nonce.secrets / "drawn.json"
    path.write_text(path.read_text().replace(NONCE, "0" * 32))
    assert main(["check", "--secrets", str(nonce.secrets)]) == 1
    assert "drawn.json: states another draw than draw.json holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "number", "file", "more"),
    [
        ("drand quicknet", "657413", "quicknet_657413", ()),
        ("drand default", "3311596", "default_3311596", ()),
        ("NIST chain 2", "1924176", "nist_pulse", ("--beacon-certificate", str(ROUNDS / "nist_certificate.pem"))),
    ],
)
def test_a_beacons_own_document_decides_and_its_signature_is_checked(
    tmp_path: Path, name: str, number: str, file: str, more: Flags, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = sealed(tmp_path / "c", "--beacon-name", name, "--beacon-round", number)
    response = ("--beacon-response", str(ROUNDS / f"{file}.json"), *more)
    assert draw(secrets, *response) == 0
    campaign = campaign_in(tmp_path / "c")
    scores = campaign.write(campaign.scored())
    assert campaign.verify(scores) == 0
    found = campaign.verdict()["randomness"]
    document = json.loads((ROUNDS / f"{file}.json").read_bytes())
    value = document.get("randomness") or document["pulse"]["outputValue"].lower()
    assert (found["value"], found["signature_checked"], found["asserted"]) == (value, True, False)
    assert any("and its signature is right" in one and found["time"] in one for one in campaign.verdict()["caveats"])
    assert campaign.verify(scores, *response, "--overwrite") == 0
    assert campaign.verdict()["randomness"]["asserted"] is True
    assert main(["check", "--secrets", str(secrets), *response]) == 0
    assert "the signature of the round was checked" in capsys.readouterr().out
    changed = json.loads((secrets / "drawn.json").read_bytes())
    signature = document.get("signature") or document["pulse"]["signatureValue"]
    changed["response"] = changed["response"].replace(signature, signature[:-2] + "00")
    text = json.dumps(changed, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (secrets / "drawn.json").write_text(text)
    assert main(["check", "--secrets", str(secrets)]) == 1
    assert "drawn.json: its " in capsys.readouterr().out


def test_a_past_round_is_remarked_on_when_it_is_sealed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed(tmp_path / "past", "--beacon-name", "drand quicknet", "--beacon-round", "657413")
    assert "came out at 2023-09-15 11:00:03 UTC: its value is known already" in capsys.readouterr().out
    sealed(tmp_path / "future", "--beacon-name", "drand quicknet", "--beacon-round", "3000000000")
    assert "known already" not in capsys.readouterr().out
    sealed(tmp_path / "own", "--beacon-name", "our own", "--beacon-round", "7")
    assert "rounds of 'our own' cannot be checked here" in capsys.readouterr().out


def test_a_round_that_nobody_checked_is_called_so(tmp_path: Path) -> None:
    secrets = sealed(tmp_path / "c", "--beacon-name", "drand quicknet", "--beacon-round", "657413")
    assert draw(secrets, "--beacon", NONCE) == 0
    campaign = campaign_in(tmp_path / "c")
    assert campaign.verify(campaign.write(campaign.scored())) == 0
    (caveat,) = (one for one in campaign.verdict()["caveats"] if NONCE in one)
    assert "exact only if round 657413 of the beacon 'drand quicknet', which came out at 2023-09-15" in caveat
    assert "which was not checked here" in caveat


def test_a_response_that_the_reader_brings_is_checked_too(tmp_path: Path) -> None:
    secrets = sealed(tmp_path / "c", "--beacon-name", "drand quicknet", "--beacon-round", "657413")
    file = ROUNDS / "quicknet_657413.json"
    assert draw(secrets, "--beacon", json.loads(file.read_bytes())["randomness"]) == 0
    campaign = campaign_in(tmp_path / "c")
    assert campaign.verify(campaign.write(campaign.scored()), "--beacon-response", str(file)) == 0
    assert campaign.verdict()["randomness"]["signature_checked"] is True


def test_a_value_that_the_round_does_not_have_gets_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = sealed(tmp_path / "c", "--beacon-name", "drand quicknet", "--beacon-round", "657413")
    assert draw(secrets, "--beacon", NONCE * 2) == 0
    campaign = campaign_in(tmp_path / "c")
    response = ("--beacon-response", str(ROUNDS / "quicknet_657413.json"))
    scores = campaign.write(campaign.scored())
    assert_refused(campaign, scores, "these are the secrets of another draw", capsys, *response)
    wrong = ("--beacon-response", str(ROUNDS / "default_1.json"))
    assert_refused(campaign, scores, "default_1.json: holds round 1", capsys, *wrong)
    assert draw(secrets, *response) == 1
    assert "already made with other randomness" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ((), 1, "give one of --beacon-response FILE"),
        (("--beacon-certificate", "nowhere", "--nonce", NONCE), 2, "goes with --beacon-response"),
        (("--beacon-response", str(ROUNDS / "quicknet_657413.json")), 1, "the seal declared a nonce"),
    ],
)
def test_randomness_that_cannot_be_used_is_refused(
    tmp_path: Path, flags: Flags, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = sealed(tmp_path / "c", "--nonce-from", "them")
    assert draw(secrets, *flags) == code
    assert message in capsys.readouterr().err
    assert not (secrets / "draw.json").exists()


def test_a_response_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = sealed(tmp_path / "c", "--beacon-name", "drand quicknet", "--beacon-round", "657413")
    assert draw(secrets, "--beacon-response", "nowhere") != 0
    assert "--beacon-response nowhere: cannot be read" in capsys.readouterr().err
    assert not (secrets / "draw.json").exists()


def test_without_the_library_the_round_counts_as_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = sealed(tmp_path / "c", "--beacon-name", "drand quicknet", "--beacon-round", "657413")
    assert draw(secrets, "--beacon-response", str(ROUNDS / "quicknet_657413.json")) == 0

    def missing(*_: object) -> bool:
        raise drand.NotInstalledError("pip install 'trapline[beacon]'")

    monkeypatch.setattr(drand, "_valid", missing)
    campaign = campaign_in(tmp_path / "c")
    assert campaign.verify(campaign.write(campaign.scored())) == 0
    assert campaign.verdict()["randomness"]["signature_checked"] is False


def test_a_chain_of_nist_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.Table.from_pylist(probe_rows(FEW)), tmp_path / "probes.parquet")
    command = ["seal", "--probes", str(tmp_path / "probes.parquet"), "--secrets", str(tmp_path / "secrets")]
    assert main([*command, "--beacon-name", "NIST beacon", "--beacon-round", "9"]) == 2
    assert "NIST chain 2" in capsys.readouterr().err


class TestScorer:
    """Who vouches for the scores is said; a signature or a hash that is not of these scores is refused."""

    KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    def files(self, folder: Path, scores: Path) -> Flags:
        (folder / "scorer.pub").write_bytes(public_file(self.KEY))
        (folder / "scores.sig").write_bytes(signed((scores / "manifest.json").read_bytes(), self.KEY))
        return "--scores-signature", str(folder / "scores.sig"), "--scorer-key", str(folder / "scorer.pub")

    def test_nobody_vouches_for_scores_without_either(self, nonce: Campaign) -> None:
        assert nonce.verify(nonce.write(nonce.scored())) == 0
        assert nonce.verdict()["scorer"] == {"vouched_by": "nobody", "key": None}
        assert any("nobody vouches for the scores" in one for one in nonce.verdict()["caveats"])

    def test_a_signature_of_the_manifest_is_taken(self, nonce: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
        scores, other = nonce.write(nonce.scored()), nonce.write(nonce.scored(seed=3), "other")
        flags = self.files(nonce.folder, scores)
        assert_refused(nonce, other, "is not a signature of this file", capsys, *flags)
        assert nonce.verify(scores, *flags) == 0
        key = ssh_signatures.read_public_key(public_file(self.KEY)).fingerprint
        assert nonce.verdict()["scorer"] == {"vouched_by": "signature", "key": key}
        assert nonce.verify(scores, *flags[:2], output="half") == 2
        assert "go together" in capsys.readouterr().err

    def test_a_hash_of_the_manifest_is_taken(self, nonce: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
        scores, other = nonce.write(nonce.scored()), nonce.write(nonce.scored(seed=3), "other")
        sha256 = hashlib.sha256((scores / "manifest.json").read_bytes()).hexdigest()
        assert_refused(nonce, other, f"--scores-sha256 is {sha256}", capsys, "--scores-sha256", sha256)
        assert nonce.verify(scores, "--scores-sha256", sha256.upper()) == 0
        assert nonce.verdict()["scorer"] == {"vouched_by": "sha256", "key": None}
        assert nonce.verify(scores, "--scores-sha256", "abc", output="short") == 2

    def test_a_key_that_was_sealed_must_sign(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        tmp_path.joinpath("scorer.pub").write_bytes(public_file(self.KEY))
        secrets = sealed(tmp_path / "c", "--scorer-key", str(tmp_path / "scorer.pub"))
        assert draw(secrets, "--self") == 0
        campaign = campaign_in(tmp_path / "c")
        scores = campaign.write(campaign.scored())
        flags = self.files(tmp_path, scores)
        assert_refused(campaign, scores, "the plan has them signed by the key SHA256:", capsys)
        stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
        (tmp_path / "stranger.pub").write_bytes(public_file(stranger))
        assert_refused(campaign, scores, "not the sealed", capsys, *flags[:3], str(tmp_path / "stranger.pub"))
        assert campaign.verify(scores, *flags) == 0

    @pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
    def test_the_commands_of_the_documentation_sign(self, nonce: Campaign) -> None:
        scores, key = nonce.write(nonce.scored()), nonce.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "trapline", str(scores / "manifest.json")]
        subprocess.run(command, check=True, capture_output=True)
        shutil.move(scores / "manifest.json.sig", nonce.folder / "scores.sig")
        flags = ("--scores-signature", str(nonce.folder / "scores.sig"), "--scorer-key", f"{key}.pub")
        assert nonce.verify(scores, *flags) == 0
        assert nonce.verdict()["scorer"]["vouched_by"] == "signature"


def test_units_that_published_proofs_reveal_are_burned_whatever_the_list_says(
    nonce: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    proofs = nonce.folder / "reveal.json"
    assert main(["reveal", "--secrets", str(nonce.secrets), "--all", "--output", str(proofs)]) == 0
    (nonce.secrets / "burned.json").unlink()
    scores = nonce.write(nonce.scored())
    assert nonce.verify(scores) == 0
    assert nonce.verdict()["units"]["burned"] == 0
    assert nonce.verify(scores, "--revealed", str(proofs), "--overwrite") == 0
    assert nonce.verdict()["units"]["burned"] == 12
    proofs.write_text(proofs.read_text().replace(NONCE, "0" * 32))
    assert nonce.verify(scores, "--revealed", str(proofs), output="changed") == 1
    assert "--revealed" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["commitment", "planted"])
def test_what_was_published_is_held_against_the_secrets(
    nonce: Campaign, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (nonce.folder / "published.json").write_bytes(b"{}")
    scores = nonce.write(nonce.scored())
    assert_refused(nonce, scores, f"{name}", capsys, f"--{name}", str(nonce.folder / "published.json"))
