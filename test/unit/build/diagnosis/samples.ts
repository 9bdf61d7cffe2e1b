/** Outputs of failed programs with what they mean: as the tools on Debian 12 print them, but for those that are marked as constructed from a tool's source. */

/** One output. */
export interface Sample {
  readonly rule: string;
  readonly lines: readonly string[];
  readonly summary: string | RegExp;
  readonly lacks?: string;
  readonly code?: string;
  readonly exitCode?: number;
  /** No tool of this machine prints it: it is written after the tool's own sources or other people's logs. */
  readonly constructed?: true;
}

const collect = "collect2: error: ld returned 1 exit status";
const terminated = "compilation terminated.";

export const compiler: readonly Sample[] = [
  {
    rule: "cc-header",
    lines: ["a.c:1:10: fatal error: zlib.h: No such file or directory", "    1 | #include <zlib.h>", terminated],
    summary: "the header zlib.h is missing",
    lacks: "header zlib.h",
  },
  {
    rule: "cc-header",
    lines: [
      "In file included from s.c:1:",
      "/usr/include/stdio.h:27:10: fatal error: bits/libc-header-start.h: No such file or directory",
    ],
    summary: "the header bits/libc-header-start.h is missing",
  },
  {
    rule: "clang-header",
    constructed: true,
    lines: ["x.c:1:10: fatal error: 'openssl/ssl.h' file not found", "1 error generated."],
    summary: "the header openssl/ssl.h is missing",
    lacks: "header openssl/ssl.h",
  },
  {
    rule: "cc-no-headers",
    lines: ["s.c:1:19: error: no include path in which to search for stdio.h"],
    summary: "the compiler is told to look for headers nowhere (stdio.h)",
  },
  {
    rule: "cc-part",
    constructed: true,
    lines: ["cc: fatal error: cannot execute ‘cc1plus’: execvp: No such file or directory", terminated],
    summary: "the compiler lacks its part cc1plus: a language is used that is not installed",
  },
  {
    rule: "cc-internal",
    lines: [
      "cc: internal compiler error: Segmentation fault signal terminated program cc1",
      "Please submit a full bug report, with preprocessed source (by using -freport-bug).",
    ],
    summary: "the compiler itself failed: Segmentation fault signal terminated program cc1",
  },
  {
    rule: "cc-internal",
    constructed: true,
    lines: ["PLEASE submit a bug report to https://bugs.llvm.example/ and include the crash backtrace."],
    summary: "the compiler itself failed",
  },
  {
    rule: "cc-option",
    lines: ["cc: error: unrecognized command-line option ‘-std=c99x’; did you mean ‘-std=c99’?"],
    summary: "the compiler does not know -std=c99x",
  },
  {
    rule: "cc-option",
    lines: ["cc1: error: bad value ‘nosuch’ for ‘-march=’ switch"],
    summary: "the compiler does not know nosuch",
  },
  {
    rule: "cc-option",
    constructed: true,
    lines: ["clang: error: unknown argument: '-fcf-protection=none'"],
    summary: "the compiler does not know -fcf-protection=none",
  },
  {
    rule: "as-instruction",
    lines: ["x.s: Assembler messages:", "x.s:1: Error: no such instruction: `vnosuch %rax'"],
    summary: "the assembler does not know vnosuch %rax",
  },
  {
    rule: "cc-error",
    lines: [
      "cc a.c -o a",
      "a.c: In function ‘main’:",
      "a.c:1:24: error: ‘foo’ undeclared (first use in this function)",
      "    1 | int main(void){ return foo; }",
      "      |                        ^~~",
      "a.c:1:24: note: each undeclared identifier is reported only once for each function it appears in",
      "make: *** [Makefile:2: all] Error 1",
    ],
    summary: "a.c:1:24: ‘foo’ undeclared",
  },
  {
    rule: "cc-error",
    exitCode: 1,
    lines: [
      "c.c: In function ‘main’:",
      "c.c:1:21: error: unused variable ‘x’ [-Werror=unused-variable]",
      "    1 | int main(void){ int x; return 0; }",
      "      |                     ^",
      "cc1: all warnings being treated as errors",
    ],
    summary: "c.c:1:21: unused variable ‘x’ [-Werror=unused-variable]",
  },
  {
    rule: "cc-error",
    constructed: true,
    lines: [
      "src/a.c:1:19: error: use of undeclared identifier 'foo'",
      "    1 | int main(void) { return foo; }",
      "      |                         ^",
      "1 error generated.",
      "gmake[2]: *** [Makefile:2: a.o] Error 1",
    ],
    summary: "src/a.c:1:19: use of undeclared identifier 'foo'",
  },
  {
    rule: "cc-error",
    exitCode: 1,
    lines: ["d.s: Assembler messages:", "d.s:1: Error: bad register name `%foo'"],
    summary: "d.s:1: bad register name `%foo'",
  },
];

export const quoted: readonly Sample[] = [
  {
    rule: "cc-header-quoted",
    lines: ["q.c:1:10: fatal error: mine.h: No such file or directory", '    1 | #include "mine.h"', terminated],
    summary: "the header mine.h is missing",
    lacks: "header mine.h",
  },
  {
    rule: "clang-header-quoted",
    constructed: true,
    lines: ["q.c:1:10: fatal error: 'mine.h' file not found", '#include "mine.h"', "1 error generated."],
    summary: "the header mine.h is missing",
    lacks: "header mine.h",
  },
];

export const linker: readonly Sample[] = [
  {
    rule: "ld-multiple",
    lines: [
      "/usr/bin/ld: b.o:(.data+0x0): multiple definition of `x'; a.o:(.data+0x0): first defined here",
      "/usr/bin/ld: /usr/lib/x86_64-linux-gnu/Scrt1.o: in function `_start':",
      "(.text+0x17): undefined reference to `main'",
      collect,
    ],
    summary: "x is defined in more than one of the files that are linked",
  },
  {
    rule: "ld-multiple",
    constructed: true,
    lines: ["ld.lld: error: duplicate symbol: x", ">>> defined at a.c"],
    summary: "x is defined in more than one of the files that are linked",
  },
  {
    rule: "ld-library",
    lines: ["/usr/bin/ld: cannot find -lbz2: No such file or directory", collect],
    summary: "the library bz2 is missing",
    lacks: "library bz2",
  },
  {
    rule: "ld-library",
    lines: ["/usr/bin/ld.gold: error: cannot find -lffi", collect],
    summary: "the library ffi is missing",
  },
  {
    rule: "ld-library",
    lines: ["error: linking with `cc` failed: exit status: 1", "  = note: rust-lld: error: unable to find library -lz"],
    summary: "the library z is missing",
    lacks: "library z",
  },
  {
    rule: "apple-library",
    constructed: true,
    lines: ["ld: library 'ffi' not found"],
    summary: "the library ffi is missing",
  },
  {
    rule: "ld-incompatible-library",
    lines: [
      "/usr/bin/ld: skipping incompatible l/libz.so when searching for -lz",
      "/usr/bin/ld: cannot find -lz: No such file or directory",
      collect,
    ],
    summary: "the library z is there for another architecture only",
  },
  {
    rule: "ld-start-files",
    lines: [
      "/usr/bin/ld: cannot find Scrt1.o: No such file or directory",
      "/usr/bin/ld: cannot find -lgcc: No such file or directory",
    ],
    summary: "the C library's own file Scrt1.o is missing",
  },
  {
    rule: "ld-architecture",
    lines: ["/usr/bin/ld: i386 architecture of input file `m32.o' is incompatible with i386:x86-64 output", collect],
    summary: "m32.o is for another architecture",
  },
  {
    rule: "ld-architecture",
    lines: ["/usr/bin/ld.gold: error: m32.o: incompatible target", collect],
    summary: "m32.o is for another architecture",
  },
  {
    rule: "ld-architecture",
    constructed: true,
    lines: ["ld.lld: error: m32.o is incompatible with elf_x86_64"],
    summary: "m32.o is for another architecture",
  },
  {
    rule: "ld-format",
    lines: [
      "/usr/bin/ld:bad.o: file format not recognized; treating as linker script",
      "/usr/bin/ld:bad.o:0: syntax error",
    ],
    summary: /^bad\.o is no object or library that the linker knows/,
  },
  {
    rule: "ld-pic",
    lines: [
      "/usr/bin/ld: nopic.o: relocation R_X86_64_32S against symbol `x' can not be used when making a shared object; recompile with -fPIC",
      "/usr/bin/ld: failed to set dynamic section sizes: bad value",
    ],
    summary: "nopic.o was compiled without -fPIC and cannot be part of a shared library",
  },
  {
    rule: "ld-pic",
    constructed: true,
    lines: [
      "/usr/bin/ld: l/libx.a(x.o): relocation R_X86_64_32S against `.rodata' can not be used when making a shared object; recompile with -fPIC",
      collect,
    ],
    summary: "l/libx.a was compiled without -fPIC and cannot be part of a shared library",
  },
  {
    rule: "ld-pic",
    lines: ["/usr/bin/ld.gold: error: nopic.o: requires unsupported dynamic reloc 11; recompile with -fPIC"],
    summary: "nopic.o was compiled without -fPIC and cannot be part of a shared library",
  },
  {
    rule: "ld-pic-lld",
    constructed: true,
    lines: ["ld.lld: error: relocation R_X86_64_32S cannot be used against symbol 'x'; recompile with -fPIC"],
    summary: "something was compiled without -fPIC and cannot be part of a shared library",
  },
  {
    rule: "ld-undefined",
    lines: ["/usr/bin/ld: und.o: in function `main':", "und.c:(.text+0x5): undefined reference to `deflate'", collect],
    summary: "deflate is used and no library that is linked has it",
  },
  {
    rule: "ld-undefined",
    lines: ["und.o:und.c:function main: error: undefined reference to 'deflate'", collect],
    summary: "deflate is used and no library that is linked has it",
  },
  {
    rule: "ld-undefined",
    constructed: true,
    lines: ["ld.lld: error: undefined symbol: deflate"],
    summary: "deflate is used and no library that is linked has it",
  },
  {
    rule: "loader-library",
    lines: [
      "./tool: error while loading shared libraries: libgone.so: cannot open shared object file: No such file or directory",
    ],
    summary: "a program that the build runs does not find its library libgone.so",
  },
  {
    rule: "loader-version",
    constructed: true,
    lines: ["./tool: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./tool)"],
    summary: "./tool needs GLIBC_2.38, which a library of this machine does not have: it was made for a newer system",
  },
];

export const make: readonly Sample[] = [
  {
    rule: "make-makefile",
    lines: ["make: nofile: No such file or directory", "make: *** No rule to make target 'nofile'.  Stop."],
    summary: "the makefile nofile is missing",
  },
  {
    rule: "make-makefile",
    lines: ["mk3:1: nofile.mk: No such file or directory", "make: *** No rule to make target 'nofile.mk'.  Stop."],
    summary: "the makefile nofile.mk is missing, which mk3:1 includes",
  },
  {
    rule: "make-folder",
    lines: ["make: *** nodir: No such file or directory.  Stop."],
    summary: "make is to work in the folder nodir, which is not there",
  },
  {
    rule: "make-no-makefile",
    lines: ["make: *** No targets specified and no makefile found.  Stop."],
    summary: "make finds no makefile",
  },
  {
    rule: "make-separator",
    lines: ["Makefile:2: *** missing separator (did you mean TAB instead of 8 spaces?).  Stop."],
    summary: "Makefile:2: make cannot read this line of the makefile",
  },
  {
    rule: "make-separator",
    lines: ["Makefile:7: *** missing separator.  Stop."],
    summary: "Makefile:7: make cannot read this line of the makefile",
  },
  {
    rule: "make-program",
    lines: ["gperf --x", "make: gperf: No such file or directory", "make: *** [Makefile:2: all] Error 127"],
    summary: "the program gperf is missing",
    lacks: "program gperf",
  },
  {
    rule: "make-interpreter",
    lines: ["make[2]: ./gen.sh: No such file or directory", "make[2]: *** [Makefile:2: all] Error 127"],
    summary: "./gen.sh cannot be started: it is not there, or what its first line names is not",
  },
  {
    rule: "make-denied",
    lines: ["make: ./gen.sh: Permission denied", "make: *** [Makefile:2: all] Error 127"],
    summary: "./gen.sh may not be run: it is not executable, or its file system is mounted noexec",
  },
  {
    rule: "make-no-rule",
    lines: ["make: *** No rule to make target 'missing.o', needed by 'all'.  Stop."],
    summary: "make has no file missing.o and no rule for it, which all needs",
  },
  {
    rule: "bmake-gnu",
    constructed: true,
    lines: ['make: "/src/Makefile" line 12: Need an operator', "make: Fatal errors encountered -- cannot continue"],
    summary: "the makefile is for GNU make, and this make is BSD's",
  },
];

export const shell: readonly Sample[] = [
  {
    rule: "shell-program",
    lines: ["/bin/sh: 1: gperf: not found", "make: *** [Makefile:2: all] Error 127"],
    summary: "the program gperf is missing",
    lacks: "program gperf",
  },
  {
    rule: "shell-program",
    lines: ["./build.sh: 12: gperf: not found"],
    summary: "the program gperf is missing",
    exitCode: 127,
  },
  {
    rule: "shell-program",
    lines: ["/bin/bash: line 1: gperf: command not found", "make: *** [Makefile:3: all] Error 127"],
    summary: "the program gperf is missing",
  },
  {
    rule: "shell-path",
    lines: ["sh: 1: ./gen.sh: not found"],
    exitCode: 127,
    summary: "./gen.sh cannot be started: it is not there, or what its first line names is not",
  },
  {
    rule: "shell-interpreter",
    lines: ["/bin/bash: ./gen.sh: /nosuch/perl: bad interpreter: No such file or directory"],
    exitCode: 126,
    summary: "./gen.sh is for /nosuch/perl, which is not there",
  },
  {
    rule: "shell-denied",
    lines: ["sh: 1: /mnt/conftest: Permission denied"],
    exitCode: 126,
    summary: "/mnt/conftest may not be run: it is not executable, or its file system is mounted noexec",
  },
  {
    rule: "shell-denied",
    lines: ["bash: /mnt/conftest: Permission denied"],
    exitCode: 126,
    summary: "/mnt/conftest may not be run: it is not executable, or its file system is mounted noexec",
  },
  {
    rule: "shell-format",
    lines: ["bash: ./tool: cannot execute binary file: Exec format error"],
    exitCode: 126,
    summary: "./tool is a program for another processor",
  },
];

export const perl: readonly Sample[] = [
  {
    rule: "perl-module",
    lines: [
      "Can't locate IPC/Cmd.pm in @INC (you may need to install the IPC::Cmd module) (@INC contains: /etc/perl) at ./Configure line 13.",
      "BEGIN failed--compilation aborted at ./Configure line 13.",
    ],
    summary: "the perl module IPC::Cmd is missing",
    lacks: "perl-module IPC::Cmd",
  },
  {
    rule: "perl-version",
    lines: ["Perl v7.0.0 required--this is only v5.36.0, stopped at -e line 1."],
    summary: "perl 5.36.0 is too old: 7.0.0 is needed",
  },
  {
    rule: "perl-object",
    constructed: true,
    lines: [
      "Can't load '/usr/lib/perl5/auto/Time/Piece/Piece.so' for module Time::Piece: undefined symbol: Perl_x at DynaLoader.pm line 193.",
    ],
    summary: "the perl module Time::Piece does not fit this perl (/usr/lib/perl5/auto/Time/Piece/Piece.so)",
  },
];

export const python: readonly Sample[] = [
  {
    rule: "pip-managed",
    lines: ["error: externally-managed-environment", "", "× This environment is externally managed"],
    exitCode: 1,
    summary: "pip is to install into the system's own Python, which leaves that to the system's packages",
  },
  {
    rule: "python-module",
    lines: ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'setuptools'"],
    summary: "the Python module setuptools is missing",
  },
  {
    rule: "python-module",
    constructed: true,
    lines: ["pip._vendor.pyproject_hooks._impl.BackendUnavailable: Cannot import 'maturin'"],
    summary: "the Python module maturin is missing",
  },
  {
    rule: "python-headers",
    lines: ["ModuleNotFoundError: No module named '_ctypes'"],
    summary: "this Python was built without ctypes",
  },
  {
    rule: "pip-none",
    lines: [
      "ERROR: Could not find a version that satisfies the requirement six (from versions: none)",
      "ERROR: No matching distribution found for six",
    ],
    summary: "pip has no file of six",
  },
  {
    rule: "pip-version",
    lines: [
      "ERROR: Could not find a version that satisfies the requirement six==99 (from versions: 1.16.0)",
      "ERROR: No matching distribution found for six==99",
    ],
    summary: "pip has no file of six==99 that fits, only 1.16.0",
  },
  {
    rule: "pip-python",
    lines: ["ERROR: Package 'pk' requires a different Python: 3.11.7 not in '>=3.99'"],
    summary: "pk is for Python >=3.99, and this is 3.11.7",
  },
  {
    rule: "pip-hash",
    lines: [
      "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.",
      "    six==1.16.0 from file:///six-1.16.0-py2.py3-none-any.whl (from -r req.txt (line 1)):",
    ],
    summary: "a package is not the one that was locked: its digest differs",
  },
  {
    rule: "pip-no-hash",
    lines: ["ERROR: In --require-hashes mode, all requirements must have their versions pinned with ==. These do not:"],
    summary: "a package has no digest in the list that pip was given",
  },
  {
    rule: "pip-platform",
    lines: ["ERROR: six-1.16.0-cp27-none-win32.whl is not a supported wheel on this platform."],
    summary: "six-1.16.0-cp27-none-win32.whl is for another Python or another platform",
  },
  {
    rule: "pip-file",
    lines: [
      "ERROR: Could not install packages due to an OSError: [Errno 2] No such file or directory: '/w/nosuch-1.0-py3-none-any.whl'",
    ],
    summary: "pip was given /w/nosuch-1.0-py3-none-any.whl, which is not there",
  },
  {
    rule: "pip-step",
    lines: [
      "  error: subprocess-exited-with-error",
      "  × Building wheel for pk (pyproject.toml) did not run successfully.",
    ],
    summary: "a package could not be built by pip",
  },
];

export const rust: readonly Sample[] = [
  {
    rule: "rustc-error",
    exitCode: 101,
    lines: [
      "error[E0425]: cannot find value `foo` in this scope",
      " --> a.rs:2:5",
      "  |",
      "2 |     foo;",
      "  |     ^^^ not found in this scope",
      "",
      "error: aborting due to 1 previous error",
    ],
    summary: "cannot find value `foo` in this scope (E0425), at a.rs:2:5",
  },
  {
    rule: "rustc-old",
    lines: [
      "error: rustc 1.63.0 is not supported by the following package:",
      "  cryptography@50.0.0 requires rustc 1.83",
    ],
    summary: "rustc 1.63.0 is too old: cryptography@50.0.0 needs 1.83",
    lacks: "program rustc",
  },
  {
    rule: "rustc-old-one",
    constructed: true,
    lines: [
      "error: package `cryptography v43.0.0` cannot be built because it requires rustc 1.65.0 or newer, while the currently active rustc version is 1.63.0",
    ],
    summary: "rustc 1.63.0 is too old: cryptography v43.0.0 needs 1.65.0",
    lacks: "program rustc",
  },
  {
    rule: "cargo-edition",
    constructed: true,
    lines: ["  feature `edition2024` is required"],
    summary: "cargo is too old for a package: it does not know edition2024",
  },
  {
    rule: "cargo-edition",
    lines: ["  supported edition values are `2015`, `2018`, `2021`, or `2024`, but `2099` is unknown"],
    summary: "cargo is too old for a package: it does not know 2099",
  },
  {
    rule: "cargo-lock-version",
    lines: [
      "  lock file version `9` was found, but this version of Cargo does not understand this lock file, perhaps Cargo needs to be updated?",
    ],
    summary: "cargo is too old for the lock file, which is of version 9",
  },
  {
    rule: "cargo-lock-stale",
    lines: ["error: cannot update the lock file /w/Cargo.lock because --locked was passed to prevent this"],
    summary: "the lock file of the crates does not fit their manifest",
  },
  {
    rule: "rust-target",
    lines: ["error[E0463]: can't find crate for `std`"],
    summary: "Rust's standard library is missing for the target that is built for",
  },
  {
    rule: "rust-linker",
    lines: ["error: linker `cc` not found", "  = note: No such file or directory (os error 2)"],
    summary: "the linker cc is missing",
    lacks: "program cc",
  },
  {
    rule: "rust-linker",
    lines: ["      error: linker `cc` not found", "        = note: No such file or directory (os error 2)"],
    summary: "the linker cc is missing",
    lacks: "program cc",
  },
  {
    rule: "rustc-missing",
    exitCode: 101,
    lines: [
      "error: could not execute process `rustc -vV` (never executed)",
      "",
      "Caused by:",
      "  No such file or directory (os error 2)",
    ],
    summary: "cargo finds no rustc to start",
    lacks: "program rustc",
  },
  {
    rule: "cargo-manifest",
    exitCode: 101,
    lines: ["error: could not find `Cargo.toml` in `/b/source` or any parent directory"],
    summary: "there is no Cargo.toml in /b/source or in a folder above it",
  },
  {
    rule: "cargo-version",
    exitCode: 101,
    lines: [
      'error: failed to select a version for the requirement `foo = "^0.2"`',
      "candidate versions found which didn't match: 0.1.0",
      "location searched: directory source `/b/crates` (which is replacing registry `crates-io`)",
      "perhaps a crate was updated and forgotten to be re-vendored?",
    ],
    summary: 'cargo has no version of a crate that fits foo = "^0.2", but 0.1.0',
  },
  {
    rule: "cargo-crate-changed",
    exitCode: 101,
    lines: [
      "error: the listed checksum of `/b/crates/foo/src/lib.rs` has changed:",
      "expected: 5e1bb8c6d227136efd78c472d1d0d276a4a1fb9aba9f4b08e3d233f697b00f75",
      "actual:   4c866e6e824513d80afe917b0e58ecdeaed2ecdd741046b9240f443b3b895a88",
    ],
    summary: "/b/crates/foo/src/lib.rs is part of a crate and not as it was published, which cargo refuses",
  },
  {
    rule: "cargo-offline",
    lines: ["error: no matching package named `pyo3` found", "location searched: registry index"],
    summary: "cargo has no crate pyo3",
  },
  {
    rule: "cargo-offline",
    lines: [
      "error: no matching package found",
      "searched package name: `bar`",
      "perhaps you meant:      foo",
      "location searched: directory source `/b/crates` (which is replacing registry `crates-io`)",
    ],
    summary: "cargo has no crate bar",
  },
  {
    rule: "download",
    exitCode: 101,
    lines: [
      "error: failed to get `serde` as a dependency of package `a v0.1.0 (/b/source)`",
      "Caused by:",
      "  download of config.json failed",
      "  failed to download from `http://127.0.0.1:9/config.json`",
    ],
    summary: "a package could not be downloaded during the build",
  },
];

const needed = "CMake Error at /usr/share/cmake-3.25/Modules/FindPackageHandleStandardArgs.cmake:230 (message):";
const incomplete = ["", "", "-- Configuring incomplete, errors occurred!", 'See also "/w/CMakeFiles/CMakeOutput.log".'];

export const cmake: readonly Sample[] = [
  {
    rule: "cmake-package",
    lines: [
      "-- Could NOT find JPEG (missing: JPEG_LIBRARY JPEG_INCLUDE_DIR) ",
      needed,
      "  Could NOT find GIF (missing: GIF_LIBRARY GIF_INCLUDE_DIR)",
      "Call Stack (most recent call first):",
      ...incomplete,
    ],
    exitCode: 1,
    summary: "CMake does not find GIF (GIF_LIBRARY GIF_INCLUDE_DIR)",
  },
  {
    rule: "cmake-package",
    lines: [
      needed,
      '  Could NOT find ZLIB: Found unsuitable version "1.2.13", but required is at',
      '  least "99" (found /usr/lib/x86_64-linux-gnu/libz.so)',
    ],
    exitCode: 1,
    summary: "CMake does not find ZLIB",
  },
  {
    rule: "cmake-config",
    lines: [
      "CMake Error at CMakeLists.txt:3 (find_package):",
      '  By not providing "FindLibNothere.cmake" in CMAKE_MODULE_PATH this project',
      "  has asked CMake to find a package configuration file provided by",
      '  "LibNothere", but CMake did not find one.',
      "",
      '  Could not find a package configuration file provided by "LibNothere" with',
      "  any of the following names:",
    ],
    exitCode: 1,
    summary: "CMake does not find LibNothere",
  },
  {
    rule: "cmake-pkg-config",
    lines: [
      "-- Checking for module 'libnghttp2'",
      "--   Package 'libnghttp2', required by 'virtual:world', not found",
      "CMake Error at /usr/share/cmake-3.25/Modules/FindPkgConfig.cmake:607 (message):",
      "  A required package was not found",
      "Call Stack (most recent call first):",
      ...incomplete,
    ],
    exitCode: 1,
    summary: "CMake does not find libnghttp2 (pkg-config)",
    lacks: "pkg-config libnghttp2",
  },
  {
    rule: "cmake-old",
    lines: [
      "CMake Error at CMakeLists.txt:1 (cmake_minimum_required):",
      "  CMake 3.90 or higher is required.  You are running version 3.25.1",
    ],
    exitCode: 1,
    summary: "cmake 3.25.1 is too old: 3.90 is needed",
  },
  {
    rule: "cmake",
    lines: ["CMake Error at CMakeLists.txt:4 (message):", "  needs a foo thing", ...incomplete],
    exitCode: 1,
    summary: "CMake says of CMakeLists.txt:4: needs a foo thing",
  },
  {
    rule: "cmake",
    lines: ['CMake Error: The source directory "/w" does not appear to contain CMakeLists.txt.'],
    exitCode: 1,
    summary: 'CMake says: The source directory "/w" does not appear to contain CMakeLists.txt',
  },
];

export const go: readonly Sample[] = [
  {
    rule: "go-old",
    lines: ["go: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)"],
    exitCode: 1,
    summary: "go 1.26.8 is too old: 1.99 is needed",
  },
];

export const pkgConfig: readonly Sample[] = [
  {
    rule: "pkg-config-required",
    lines: [
      "checking for libnghttp2 >= 1.0... no",
      "configure: error: Package requirements (libnghttp2 >= 1.0) were not met:",
      "",
      "Package 'libnghttp2', required by 'virtual:world', not found",
      "",
      "Consider adjusting the PKG_CONFIG_PATH environment variable if you",
      "installed software in a non-standard prefix.",
      "",
      "Alternatively, you may set the environment variables NG_CFLAGS",
    ],
    exitCode: 1,
    summary: "pkg-config does not find libnghttp2",
    lacks: "pkg-config libnghttp2",
  },
  {
    rule: "pkg-config-required",
    constructed: true,
    lines: ["configure: error: Package requirements (libnghttp2) were not met:", "", "No package 'libnghttp2' found"],
    exitCode: 1,
    summary: "pkg-config does not find libnghttp2",
    lacks: "pkg-config libnghttp2",
  },
  {
    rule: "pkg-config-version",
    lines: [
      "configure: error: Package requirements (zlib >= 99) were not met:",
      "",
      "Package dependency requirement 'zlib >= 99' could not be satisfied.",
      "Package 'zlib' has version '1.2.13', required version is '>= 99'",
    ],
    exitCode: 1,
    summary: "pkg-config finds no zlib >= 99, but another version",
  },
  {
    rule: "pkg-config",
    lines: [
      "Package libnghttp2 was not found in the pkg-config search path.",
      "Perhaps you should add the directory containing `libnghttp2.pc'",
      "to the PKG_CONFIG_PATH environment variable",
      "Package 'libnghttp2', required by 'virtual:world', not found",
      "make: *** [Makefile:2: all] Error 1",
    ],
    summary: "pkg-config does not find libnghttp2",
    lacks: "pkg-config libnghttp2",
  },
  {
    // As config.log has it, where the check that configure failed for ends.
    rule: "pkg-config",
    lines: [
      "configure:1895: checking for  nosuch",
      "Package nosuch was not found in the pkg-config search path.",
      "Package 'nosuch', required by 'virtual:world', not found",
      "configure:1905: $? = 1",
      'configure:1919: $PKG_CONFIG --exists --print-errors " nosuch"',
      "configure:1922: $? = 1",
      "configure:1936: result: no",
      "No package 'nosuch' found",
    ],
    summary: "pkg-config does not find nosuch",
    lacks: "pkg-config nosuch",
  },
];

export const autotools: readonly Sample[] = [
  {
    rule: "autoconf-macro",
    lines: [
      "configure.ac:2: error: possibly undefined macro: AC_FOO",
      "      If this token and others are legitimate, please use m4_pattern_allow.",
      "      See the Autoconf documentation.",
      "autoreconf: error: /usr/bin/autoconf failed with exit status: 1",
    ],
    exitCode: 1,
    summary: "autoconf does not know the macro AC_FOO",
  },
  {
    rule: "configure-macro",
    lines: [
      "./configure: line 1740: syntax error near unexpected token `NG,libnghttp2'",
      "./configure: line 1740: `PKG_CHECK_MODULES(NG,libnghttp2 >= 1.0)'",
    ],
    summary: "autoconf does not know the macro PKG_CHECK_MODULES",
  },
  {
    rule: "configure-macro",
    lines: ["./configure: line 1740: AC_FOO: command not found"],
    exitCode: 127,
    summary: "autoconf does not know the macro AC_FOO",
  },
  {
    rule: "automake-missing",
    lines: ["WARNING: 'aclocal-1.16' is missing on your system.", "make: *** [Makefile:300: aclocal.m4] Error 127"],
    summary: "the program aclocal is missing, and a file that it makes is out of date",
    lacks: "program aclocal",
  },
  {
    rule: "configure-no-compiler",
    lines: ["checking for gcc... no", "configure: error: no acceptable C compiler found in $PATH"],
    summary: "configure finds no C compiler that works",
  },
  {
    rule: "configure",
    lines: ["checking for zlib... no", "configure: error: zlib is needed."],
    summary: "configure says: zlib is needed",
  },
];

export const machine: readonly Sample[] = [
  {
    rule: "disk-full",
    lines: ["/usr/bin/ld: final link failed: No space left on device", collect],
    code: "disk-full",
    summary: "the disk is full",
  },
  {
    rule: "disk-full",
    lines: ["big.c:1:1: fatal error: error writing to /tmp/ccERvkjk.s: No space left on device"],
    code: "disk-full",
    summary: "the disk is full",
  },
  {
    rule: "quota",
    constructed: true,
    lines: ["cp: error writing 'x': Disk quota exceeded"],
    code: "disk-full",
    summary: "the disk quota of this user is used up",
  },
  {
    rule: "read-only",
    lines: ["Assembler messages:", "Fatal error: can't create /mnt/o.o: Read-only file system"],
    summary: "something was to be written to a file system that is mounted read-only",
  },
  {
    rule: "open-files",
    lines: ["<command-line>: fatal error: /usr/lib/gcc/stdc-predef.h: Too many open files", terminated],
    summary: "a program may not open more files",
  },
  {
    rule: "clock",
    lines: ["configure: error: newly created file is older than distributed files!", "Check your system clock"],
    summary: /^a file that was just made is older than the source's files/,
  },
  {
    rule: "clock-skew",
    lines: [
      "make: Warning: File 'ok.c' has modification time 86399 s in the future",
      "make: warning:  Clock skew detected.  Your build may be incomplete.",
      "make: *** [Makefile:2: all] Error 1",
    ],
    summary: /^files of the build have times in the future/,
  },
  {
    rule: "out-of-memory",
    lines: ["virtual memory exhausted: Cannot allocate memory"],
    summary: "a program asked for more memory than it may have",
  },
  {
    rule: "killed",
    lines: ["cc: fatal error: Killed signal terminated program cc1", terminated, "make: *** [Makefile:9: x.o] Error 1"],
    summary: "cc1 was killed (SIGKILL), by whom cannot be told here",
  },
  { rule: "killed", lines: ["make: *** [Makefile:2: all] Killed"], summary: /^a program was killed/ },
  {
    rule: "killed",
    lines: ["/bin/bash: line 1: 10426 Killed                  cc -c x.c"],
    summary: /^a program was killed/,
  },
  {
    rule: "killed",
    constructed: true,
    lines: ["  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)"],
    summary: /^a program was killed/,
  },
  { rule: "killed", lines: ["compiling"], exitCode: 137, summary: /^a program was killed/ },
];

const patched = ["patching file a.c", "Hunk #1 succeeded at 3.", "Hunk #2 FAILED at 30."];

export const patch: readonly Sample[] = [
  {
    rule: "patch",
    lines: [
      ...patched,
      "1 out of 2 hunks FAILED -- saving rejects to file a.c.rej",
      "patching file 'b c.c'",
      "Hunk #1 FAILED at 1.",
      "1 out of 1 hunk FAILED -- saving rejects to file b c.c.rej",
    ],
    code: "patch-failed",
    summary: "the patch does not apply: hunk 2 of a.c (line 30), hunk 1 of b c.c (line 1)",
  },
  {
    rule: "patch",
    constructed: true,
    lines: [
      "Patching file a.c using Plan A...",
      ...[1, 2, 3, 4, 5].map((nth) => `Hunk #${nth} failed at ${nth}0.`),
      "5 out of 5 hunks failed--saving rejects to a.c.rej",
    ],
    code: "patch-failed",
    summary:
      "the patch does not apply: hunk 1 of a.c (line 10), hunk 2 of a.c (line 20), hunk 3 of a.c (line 30) and 2 more",
  },
  {
    rule: "patch",
    lines: [
      "patching file a.c",
      "Reversed (or previously applied) patch detected!  Skipping patch.",
      "1 out of 1 hunk ignored -- saving rejects to file a.c.rej",
    ],
    code: "patch-failed",
    summary: "the patch is in a.c already",
  },
  {
    rule: "patch",
    lines: ["can't find file to patch at input line 3", "|--- a/no.c", "|+++ b/no.c", "1 out of 1 hunk ignored"],
    code: "patch-failed",
    summary: "the patch changes a/no.c, which the source does not have",
  },
  {
    rule: "patch-malformed",
    lines: ["patch: **** malformed patch at line 7:  c"],
    code: "patch-failed",
    summary: "the patch itself is damaged: malformed patch at line 7",
  },
];
