"""Completes package-lock.json with the platform packages that the registry at hand does not have.

    npm install --ignore-scripts && python3 tools/complete-lock.py package-lock.json

npm leaves an optional platform package out of the lock when the registry does not offer it, and then `npm ci` (from npm 11 on) refuses the lock
as incomplete. The entries added here are for platforms other than those that the registry had (they carry no digest), and are never installed on those.
"""

import json
import sys


def facts(name: str) -> dict[str, list[str]]:
    """System, processor and C library from a name such as `@scope/binding-linux-x64-musl`."""
    system, processor, *abi = name.split("/")[1].removeprefix("binding-").split("-")
    found = {"os": [system], "cpu": [processor]}
    if system == "linux" and abi:
        found["libc"] = ["musl" if "musl" in abi[0] else "glibc"]
    return found


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        lock = json.load(file)
    packages = lock["packages"]
    for owner, entry in list(packages.items()):
        for name, version in entry.get("optionalDependencies", {}).items() if owner else ():
            if f"node_modules/{name}" in packages:
                continue
            about = facts(name)
            added = {"version": version, "cpu": about["cpu"], "dev": True}
            added |= {"libc": about["libc"]} if "libc" in about else {}
            added |= {"license": entry.get("license", "MIT"), "optional": True, "os": about["os"]}
            added |= {"engines": entry["engines"]} if "engines" in entry else {}
            packages[f"node_modules/{name}"] = added
    lock["packages"] = dict(sorted(packages.items()))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(lock, file, indent=2, ensure_ascii=False)
        file.write("\n")


main(sys.argv[1])
