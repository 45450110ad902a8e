"""Addresses of files: a path on this machine, or `s3://bucket/key` and the like, with the options of its store.

A user writes the options behind the address, as in `s3://bucket/corpus?endpoint_override=http://host:9000`. Inside the
program they stand before the bucket (`s3://endpoint_override=http%3A%2F%2Fhost%3A9000@bucket/corpus`): there they stay
while names are appended to the address, and no object's name is taken for an option.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from transforms.base.errors import CorpusError

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://(.*)$", re.IGNORECASE | re.DOTALL)
_BEHIND = re.compile(r"\?(?=[a-z_]+=)")
_IN_FRONT = re.compile(r"\b((?:gs|s3)://)[a-z_]+=[^@/\s]*@")
_WITH_OPTIONS = ("gs", "s3")

_OPTIONS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "account": (lambda value: re.fullmatch("[A-Z][A-Z0-9_]*", value) is not None, "a prefix of variables, as in VAULT"),
    "anonymous": (lambda value: value in ("true", "false"), "true or false"),
    "endpoint_override": (
        lambda value: re.fullmatch(r"(https?://)?[A-Za-z0-9.:\[\]_-]+/?", value) is not None,
        "host:port, or http://host:port",
    ),
    "region": (lambda value: re.fullmatch("[A-Za-z0-9-]+", value) is not None, "a region, as in eu-west-1"),
    "scheme": (lambda value: value in ("http", "https"), "http or https"),
}
"""Options of a store: whether a value is one, and which are allowed."""


_called: dict[str, str] = {}


@dataclass(frozen=True)
class Store:
    """A bucket, and how it is reached.

    Attributes:
        scheme: "s3", "gs" or another that Arrow knows.
        bucket: its name.
        options: names and values, sorted; none is a secret.
    """

    scheme: str
    bucket: str
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """The value of an option; empty where it is not given."""
        return dict(self.options).get(name, "")

    @property
    def root(self) -> str:
        """The address of the bucket as the program writes it."""
        options = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.options)
        return f"{self.scheme}://{options}{'@' if options else ''}{self.bucket}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}"


def split(uri: str) -> tuple[Store | None, str]:
    """The store of an address and the path within it, bucket first; None and the path for one on this machine.

    Raises:
        CorpusError: if something other than options stands before the bucket.
    """
    match = _SCHEME.match(uri)
    if match is None:
        return None, uri
    scheme, rest = match.group(1).lower(), match.group(2)
    if scheme == "file":
        return None, "/" + rest.lstrip("/")
    authority, slash, key = rest.partition("/")
    before, at, bucket = authority.rpartition("@")
    options: tuple[tuple[str, str], ...] = ()
    if at:
        options = (("anonymous", "true"),) if before == "anonymous" else _parsed(before, f"{scheme}://...@{bucket}")
    return Store(scheme, bucket, options), f"{bucket}{slash}{key}".rstrip("/")


def canonical(uri: str) -> str:
    """The address that a user gave, with its options before the bucket; a path stays as it is.

    Raises:
        CorpusError: for an option that is unknown, has a value that is not allowed, or is given twice.
    """
    match = _SCHEME.match(uri)
    if match is None or match.group(1).lower() not in _WITH_OPTIONS:
        return uri
    address, *behind = _BEHIND.split(uri, maxsplit=1)
    store, path = split(address)
    assert store is not None  # noqa: S101 - for the type checker
    options = [*store.options, *(_parsed(behind[0], address) if behind else ())]
    names = [name for name, _ in options]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise CorpusError(f"{address}: option {twice[0]!r} is given twice")
    slash = "/" if address.endswith("/") and "/" in path else ""
    return Store(store.scheme, store.bucket, tuple(sorted(options))).root + path[len(store.bucket) :] + slash


def shown(text: str) -> str:
    """A text for people: addresses in it without the options of their stores, and copies by what they are copies of."""
    for copy, uri in sorted(_called.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(copy, uri)
    return _IN_FRONT.sub(r"\1", text)


def call_it(copy: str, uri: str) -> None:
    """Let `shown` say the address `uri` for the local path `copy`."""
    _called[copy] = uri


def is_local(uri: str) -> bool:
    """Whether an address stands on this machine's file system."""
    match = _SCHEME.match(uri)
    return match is None or match.group(1).lower() == "file"


def _parsed(text: str, address: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals or name not in _OPTIONS:
            what = f"option {name!r} is unknown" if equals else "something stands before the bucket"
            raise CorpusError(
                f"{address}: {what}; allowed are {', '.join(_OPTIONS)}, as in s3://bucket/folder?anonymous=true; "
                "credentials never stand in an address: give them in the variables of the store's own clients"
            )
        value = unquote(value)
        fits, allowed = _OPTIONS[name]
        if not fits(value):
            raise CorpusError(f"{address}: {name}={value!r}: give {allowed}")
        found.append((name, value))
    return tuple(sorted(found))
