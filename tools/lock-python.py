"""Writes the lock file of a Python environment recipe.

    python3 tools/lock-python.py recipes/python-tls/requirements.in > recipes/python-tls/lock.yaml

Resolves the requirements with pip (23 or newer) against the package index that this machine's pip is configured for, for the Python version
named in the input, and writes every file with its SHA-256. Nothing is installed. Lines of the input: `# python: 3.13`, then
`role name[specifier] form`, where role is build or runtime and form is wheel, platform-wheel or sdist; projects that the resolution adds
get the form wheel. Where a source distribution has a Cargo.lock, its crates are written too, with the digests that it names (Python 3.11 or newer).
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tomllib
import urllib.parse
import urllib.request

from pip._internal.models.index import PyPI
from pip._vendor.packaging.utils import canonicalize_name

PLATFORMS = [("x86_64", "linux", "x86_64"), ("aarch64", "linux", "aarch64")]


def index_base() -> str:
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return configured or PyPI.simple_url


def resolve(requirements: list[str], python: str) -> dict[str, str]:
    report = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
         "--target", "/nonexistent", "--only-binary=:all:", "--python-version", python, "--implementation", "cp",
         *requirements],
        capture_output=True, text=True, check=True,
    ).stdout
    return {canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"] for item in json.loads(report)["install"]}


def files_of(project: str, version: str) -> list[dict]:
    request = urllib.request.Request(
        f"{index_base().rstrip('/')}/{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request) as answer:
        files = json.load(answer)["files"]
    stems = {f"{name}-{version}" for name in (project, project.replace("-", "_"), project.replace("-", "."))}
    return [item for item in files if not item.get("yanked") and any(
        item["filename"].lower() == f"{stem}.tar.gz" or item["filename"].lower().startswith(f"{stem}-") for stem in stems)]


def pick(files: list[dict], form: str, tag: str) -> list[tuple[dict, str | None]]:
    def sdist() -> dict:
        return next(item for item in files if item["filename"].endswith(".tar.gz"))

    if form == "sdist":
        return [(sdist(), None)]
    pure = [item for item in files if item["filename"].endswith("-none-any.whl")]
    if form == "wheel":
        if not pure:
            raise SystemExit(f"no pure wheel among {[item['filename'] for item in files]}: lock it as sdist")
        return [(pure[0], None)]
    picked: list[tuple[dict, str | None]] = []
    for machine, system, arch in PLATFORMS:
        for libc in ("manylinux", "musllinux"):
            found = [item for item in files if libc in item["filename"] and item["filename"].endswith(f"{machine}.whl")
                     and ("-py3-none-" in item["filename"] or tag in item["filename"])]
            if found and any(item is found[0] for item, _ in picked):
                picked[-1] = (found[0], f"os: {system}, arch: {arch}")
            elif found:
                picked.append((found[0], f"os: {system}, arch: {arch}, libc: {'gnu' if libc == 'manylinux' else 'musl'}"))
    picked.append((sdist(), None))
    return picked


def crates_of(project: str, item: dict) -> set[tuple[str, str, str]]:
    """Name, version and digest of every crate that a source distribution's Cargo.lock takes from the registry."""
    address = urllib.parse.urljoin(f"{index_base().rstrip('/')}/{project}/", item["url"])
    with urllib.request.urlopen(address) as answer:
        archive = answer.read()
    if hashlib.sha256(archive).hexdigest() != item["hashes"]["sha256"]:
        raise SystemExit(f"{item['filename']} is not what the index announces")
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        lock = next((name for name in members.getnames() if name.count("/") == 1 and name.endswith("/Cargo.lock")), None)
        text = members.extractfile(lock).read().decode() if lock is not None else ""
    packages = [package for package in tomllib.loads(text).get("package", []) if "source" in package]
    foreign = [package["name"] for package in packages if not package["source"].startswith("registry+")]
    if foreign:
        raise SystemExit(f"{project}: {', '.join(foreign)} come from elsewhere than the registry")
    return {(package["name"], package["version"], package["checksum"]) for package in packages}


def main() -> None:
    lines = [line.strip() for line in open(sys.argv[1], encoding="utf-8")]
    python = next(line.split(":")[1].strip() for line in lines if line.startswith("# python:"))
    asked = [line.split() for line in lines if line and not line.startswith("#")]
    roles = {canonicalize_name(name.split("[")[0].split(">")[0].split("=")[0].split("<")[0]): (role, form) for role, name, form in asked}
    print("# Made by: python3 tools/lock-python.py recipes/python-tls/requirements.in > recipes/python-tls/lock.yaml")
    print("# yaml-language-server: $schema=../lock.schema.json")
    print("schema: tlsforge.lock/1\npackages:")
    crates: set[tuple[str, str, str]] = set()
    for role in ("build", "runtime"):
        wanted = [name for kind, name, _ in asked if kind == role]
        for project, version in sorted(resolve(wanted, python).items()):
            named, form = roles.get(project, (role, "wheel"))
            if named != role:
                continue
            print(f"  - project: {project}\n    version: \"{version}\"\n    role: {role}\n    files:")
            for item, when in pick(files_of(project, version), form, "cp" + python.replace(".", "")):
                if form == "sdist":
                    crates |= crates_of(project, item)
                condition = f", when: {{ {when} }}" if when else ""
                print(f"      - {{ file: {item['filename']}, sha256: {item['hashes']['sha256']}{condition} }}")
    if crates:
        print("# Those of the Cargo.lock files of the source distributions above.\ncrates:")
    for name, version, digest in sorted(crates):
        print(f"  - {{ crate: {name}, version: \"{version}\", sha256: {digest} }}")


main()
