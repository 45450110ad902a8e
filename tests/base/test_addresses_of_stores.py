import pytest

from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.base.stores.address import Store, canonical, shown, split


def test_options_behind_an_address_stand_before_its_bucket() -> None:
    folder = Folder.of("s3://bucket/a b?endpoint_override=http://host:9000&account=VAULT")
    assert folder.uri == "s3://account=VAULT&endpoint_override=http%3A%2F%2Fhost%3A9000@bucket/a b"
    assert split(folder.at("x?anonymous=true")) == (
        Store("s3", "bucket", (("account", "VAULT"), ("endpoint_override", "http://host:9000"))),
        "bucket/a b/x?anonymous=true",
    )


@pytest.mark.parametrize(
    "uri",
    ["gs://bucket", "s3://bucket/a/../b", "s3://bucket/part-?.parquet", "s3://b/%41#@?", "gs://b/a?b/c"],
)
def test_an_address_without_options_stays_as_it_is(uri: str) -> None:
    assert canonical(uri) == uri


def test_an_address_is_brought_to_one_form_once() -> None:
    once = canonical("gs://anonymous@bucket/x/?scheme=http")
    assert once == "gs://anonymous=true&scheme=http@bucket/x/"
    assert canonical(once) == once


def test_people_are_shown_no_options() -> None:
    assert shown(f"{canonical('gs://b/x?anonymous=true')}: is missing, as is s3://a@b/c") == (
        "gs://b/x: is missing, as is s3://a@b/c"
    )


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://key:secret@bucket/x", "credentials never stand in an address"),
        ("s3://bucket/x?endpont=host", "option 'endpont' is unknown; allowed are account, anonymous"),
        ("s3://bucket/x?anonymous=yes", "anonymous='yes': give true or false"),
        ("s3://bucket/x?endpoint_override=ftp://host", "give host:port"),
        ("gs://bucket/x?account=vault", "give a prefix of variables"),
        ("gs://anonymous@bucket/x?anonymous=true", "'anonymous' is given twice"),
    ],
)
def test_what_is_no_option_is_refused(uri: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said) as error:
        Folder.of(uri)
    assert "secret@" not in str(error.value)
