/** What the tools of this machine say when they fail is what the rules know. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diagnose, endingsForMemory } from "../../../src/build/diagnosis/index.ts";
import { describeWith } from "../../tools/needs.ts";

const files: Readonly<Record<string, string>> = {
  "fine.c": "int main(void) { return 0; }\n",
  "header.c": "#include <no/such.h>\n",
  "quoted.c": '#include "mine.h"\n',
  "again.c": "int main(void) { return 1; }\n",
  "undefined.c": "int nosuch(void);\nint main(void) { return nosuch(); }\n",
  "wrong.c": "int main(void) { return foo; }\n",
  "shared.c": "int x[10];\nint *f(int i) { return &x[i]; }\n",
  Makefile: [
    "program:\n\tnosuch --x",
    "shell:\n\tnosuch | cat; nosuch && true",
    "wrong:\n\tcc -c wrong.c",
    "rule: no-such.o",
    "refused:\n\t./denied",
    "ignored:\n\t-nosuch\n\tcc -c header.c",
    "killed:\n\tkill -9 $$$$",
    "both: first second",
    "first:\n\tcc -c header.c",
    "second:\n\tsleep 1; cc fine.c -lnosuch",
    "",
  ].join("\n"),
  denied: "echo never\n",
  "a.c": "a\nb\nc\n",
  "a.patch": "--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n a\n-x\n+y\n c\n",
};

describeWith(["linux", "cc", "make", "patch"], "real tools", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "forge-diagnosis-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ["cc -c header.c", "cc-header", "the header no/such.h is missing"],
    ["cc -c wrong.c", "cc-error", "wrong.c:1:25: "],
    ["make wrong", "cc-error", "wrong.c:1:25: "],
    ["cc fine.c -lnosuch", "ld-library", "the library nosuch is missing"],
    ["cc undefined.c", "ld-undefined", "nosuch is used and no library that is linked has it"],
    [
      "cc -fno-pic -fno-pie -c shared.c -o shared.o && cc -shared shared.o -o shared.so",
      "ld-pic",
      "shared.o was compiled without -fPIC and cannot be part of a shared library",
    ],
    ["echo odd >bad.o; cc bad.o", "ld-format", "bad.o is no object or library"],
    ["cc -fno-such-flag fine.c", "cc-option", "the compiler does not know -fno-such-flag"],
    ["cc -wrapper sh,-c,'kill -9 $$' -c fine.c", "killed", "sh was killed"],
    [
      "cc -wrapper sh,-c,'kill -11 $$' -c fine.c",
      "cc-internal",
      "the compiler itself failed: Segmentation fault signal",
    ],
    ["cc -c fine.c -o /dev/full", "disk-full", "the disk is full"],
    ["ulimit -n 4; cc -c fine.c", "open-files", "a program may not open more files"],
    ["make -f nofile", "make-makefile", "the makefile nofile is missing"],
    ["cc -c quoted.c", "cc-header-quoted", "the header mine.h is missing"],
    ["cc fine.c again.c", "ld-multiple", "main is defined in more than one of the files"],
    ["make program", "make-program", "the program nosuch is missing"],
    ["make shell", "shell-program", "the program nosuch is missing"],
    ["make rule", "make-no-rule", "make has no file no-such.o and no rule for it, which rule needs"],
    ["make refused", "make-denied", "./denied may not be run"],
    ["make ignored", "cc-header", "the header no/such.h is missing"],
    ["make killed", "killed", "a program was killed"],
    ["make -j2 both", "cc-header", "the header no/such.h is missing"],
    ["kill -9 $$", "killed", "a program was killed"],
    ["./denied", "shell-denied", "./denied may not be run"],
    ["nosuch", "shell-program", "the program nosuch is missing"],
    ["perl -e 'use No::Such;'", "perl-module", "the perl module No::Such is missing"],
    ["python3 -c 'import nosuch'", "python-module", "the Python module nosuch is missing"],
    ["patch -p1 --fuzz=0 --forward --batch -i a.patch", "patch", "the patch does not apply: hunk 1 of a.c (line 1)"],
  ])("%s", (command, rule, summary) => {
    const env = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TMPDIR: folder };
    const ran = spawnSync("sh", ["-c", `exec 2>&1; ${command}`], { cwd: folder, env, encoding: "utf8" });
    const exitCode = ran.signal === "SIGKILL" ? 137 : ran.status;
    expect(exitCode).not.toBe(0);
    const found = diagnose(ran.stdout.split("\n").slice(0, -1), { exitCode, endedForMemory: null });
    expect({ rule: found?.rule, output: ran.stdout }).toMatchObject({ rule });
    expect(found?.summary).toContain(summary);
  });

  test("the kernel tells how many processes it ended for want of memory, or nothing is known", async () => {
    const count = await endingsForMemory();
    expect(count === null || count >= 0).toBe(true);
  });
});
