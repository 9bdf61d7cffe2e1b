/** Python, and pip with the backends that it calls. */
import type { Rule } from "./types.ts";

export const pythonRules: readonly Rule[] = [
  {
    // PEP 668.
    id: "pip-managed",
    pattern: /^error: externally-managed-environment$/,
    summary: "pip is to install into the system's own Python, which leaves that to the system's packages",
    hint: "install into an environment of the build's own: a python-env step, or python3 -m venv",
  },
  {
    id: "python-headers",
    pattern: /^\s*ModuleNotFoundError: No module named '_(?<name>ssl|ctypes|bz2|lzma|sqlite3|hashlib)'/,
    summary: "this Python was built without {name}",
    hint: "build it again where the library's headers are",
  },
  {
    id: "python-module",
    pattern:
      /^\s*ModuleNotFoundError: No module named '(?<name>[^']+)'|BackendUnavailable: Cannot import '(?<backend>[^']+)'/,
    summary: "the Python module {name}{backend} is missing",
    hint: "add it to the recipe's lock file, and to the environment of this step",
  },
  {
    id: "pip-none",
    pattern: /^\s*ERROR: Could not find a version that satisfies the requirement (?<name>\S+).*\(from versions: none\)/,
    summary: "pip has no file of {name}",
    hint: "add it to the recipe's lock file, and to the environment of this step: pip is given files here and asks no index",
  },
  {
    id: "pip-version",
    pattern:
      /^\s*ERROR: Could not find a version that satisfies the requirement (?<name>\S+).*\(from versions: (?<found>[^)]+)\)/,
    summary: "pip has no file of {name} that fits, only {found}",
    hint: "lock the version that is asked for (lock.yaml of the recipe)",
  },
  {
    id: "pip-python",
    pattern:
      /^\s*ERROR: Package '?(?<name>[^\s']+)'? requires a different Python: (?<found>\S+) not in '(?<wanted>[^']+)'/,
    summary: "{name} is for Python {wanted}, and this is {found}",
    hint: "lock a version of it that is for this Python (lock.yaml of the recipe)",
  },
  {
    id: "pip-hash",
    pattern: /THESE PACKAGES DO NOT MATCH THE HASHES/,
    summary: "a package is not the one that was locked: its digest differs",
    hint: "do not use it; fetch it anew, and when it stays so look at the lock file and at who changed the package",
  },
  {
    id: "pip-no-hash",
    pattern: /In --require-hashes mode, all requirements must/,
    summary: "a package has no digest in the list that pip was given",
    hint: "lock it with its digest (lock.yaml of the recipe)",
  },
  {
    id: "pip-platform",
    pattern: /^\s*ERROR: (?<name>\S+\.whl) is not a supported wheel on this platform/,
    summary: "{name} is for another Python or another platform",
    hint: "lock a file that fits (lock.yaml of the recipe), such as the source archive",
  },
  {
    id: "pip-file",
    pattern:
      /^ERROR: Could not install packages due to an OSError: \[Errno 2\] No such file or directory: '(?<name>[^']+)'/,
    summary: "pip was given {name}, which is not there",
    hint: "see that an earlier step makes it",
  },
  {
    id: "pip-step",
    pattern: /^\s*error: subprocess-exited-with-error/,
    vague: true,
    summary: "a package could not be built by pip",
    hint: "what its own build said stands above in the log",
  },
];
