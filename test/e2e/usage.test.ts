import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWith, which } from "../tools/needs.ts";
import { compile, main, problemsOf, recordOf, run, runJson, smallShop, start, type Workshop } from "./support.ts";

let shop: Workshop;

beforeAll(async () => {
  await compile();
  shop = await smallShop();
});

afterAll(async () => shop.remove());

describe("usage", () => {
  test.each([
    [["provsion"], /unknown command 'provsion'/u, /provision/u],
    [["--jsn"], /unknown option '--jsn'/u, /.+/u],
    [["build", "--jbos", "2"], /unknown option '--jbos'/u, /--jobs/u],
    [["build", "--jobs", "0"], /--jobs.*whole number/u, /.+/u],
    [["build", "--jobs"], /argument missing/u, /.+/u],
    [["verify"], /missing required argument 'target'/u, /.+/u],
    [["verify", "https://"], /is no target/u, /HOST:PORT/u],
    [["verify", "localhost:99999"], /is no target/u, /HOST:PORT/u],
    [["verify", "localhost", "--min-grade", "Z"], /--min-grade.*A\+/u, /.+/u],
    [["verify", "localhost", "--ca", "/nowhere.pem"], /cannot be read/u, /PEM/u],
    [["verify", "localhost", "--ca", "/"], /no regular file/u, /PEM/u],
    [["verify", "me@localhost"], /is no target: it names a user/u, /HOST:PORT/u],
    [["verify", "https://localhost/path"], /is no target: it has a path/u, /HOST:PORT/u],
    [["verify", "--targets", "/nowhere"], /--targets cannot be read/u, /text file/u],
    [["verify", "localhost", "--starttls", "gopher"], /smtp, imap/u, /.+/u],
    [["verify", "localhost", "--proxy", "ftp://x"], /--proxy begins with ftp:/u, /socks5/u],
    [["verify", "localhost", "--rate", "0"], /--rate/u, /.+/u],
    [["grade"], /missing required argument 'file'/u, /.+/u],
    [["grade", "/nowhere"], /cannot be read/u, /verify --record/u],
    [["grade", "/etc/hostname"], /no recording of tlsforge/u, /verify --record/u],
    [["compare", "one.json"], /missing required argument 'b'/u, /.+/u],
    [["compare", "/nowhere.json", "localhost"], /cannot be read/u, /verify --json/u],
    [["compare", "/etc/hostname", "localhost"], /no report of tlsforge/u, /verify --json/u],
    [["compare", "localhost", "localhost:443"], /both are localhost:443/u, /one of each/u],
    [["compare", "localhost", "localhst", "--record", "x"], /unknown option '--record'/u, /.+/u],
    [["rollback", "last"], /is no generation/u, /tlsforge generations/u],
    [["build", "--source", "hello"], /is not NAME=PATH/u, /.+/u],
    [["build", "--progress", "loud"], /progress.*auto, plain, json/u, /.+/u],
    [["completion", "tcsh"], /no completion for "tcsh"/u, /bash, zsh, fish/u],
    [["recipe", "schema", "recip"], /no schema named "recip"/u, /recipe, /u],
    [["plan", "--config", "/nowhere.yaml"], /\/nowhere\.yaml is not there/u, /empty file is valid/u],
    [["plan", "--prefix", ""], /--prefix.*must not be empty/u, /.+/u],
    [["provision", "--config", ""], /--config.*must not be empty/u, /.+/u],
    [["plan", "--recipes="], /--recipes.*must not be empty/u, /.+/u],
    [["plan", "--mirror", "notaurl"], /--mirror.*http/u, /.+/u],
    [["plan", "--mirror", "ftp://localhost/"], /--mirror.*http/u, /.+/u],
    [["plan", "--config", "/dev/null"], /\/dev\/null is no regular file/u, /regular file/u],
    [["plan", "--mirror", "http://localhost/a b"], /--mirror.*no space in it: write %20/u, /.+/u],
    [["plan", "--mirror", "http://localhost/a?b"], /--mirror.*no question mark/u, /.+/u],
    [["log", ""], /the argument <build> is empty/u, /leave it out/u],
    [["shell", "hello", "--command", ""], /--command.*must not be empty/u, /.+/u],
    [["shell", ""], /the argument <build> is empty/u, /give its value/u],
    [["bundle", "use", ""], /the argument <file> is empty/u, /give its value/u],
    [["recipe", "lint", ""], /the argument <files> is empty/u, /leave it out/u],
    [["recipe", "lint", "a", ""], /the argument <files> is empty/u, /leave it out/u],
    [["recipe", "update", ""], /the argument <name> is empty/u, /give its value/u],
    [["status", "extra"], /too many arguments/u, /.+/u],
  ])("%j exits 2 and says what to do", async (argv, message, hint) => {
    const { exitCode, stdout, stderr } = await run(shop, argv);
    expect(stderr).toMatch(/^error\[usage\]: /u);
    expect(stderr.split("\n")[0]).toMatch(message);
    expect(/^hint: (.*(?:\n {6}.*)*)/mu.exec(stderr)?.[1] ?? "").toMatch(hint);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
  });

  test("with --json such an error is a record too", async () => {
    const { exitCode, record } = await runJson(shop, ["build", "--jbos", "2"]);
    expect(exitCode).toBe(2);
    expect(record).toMatchObject({ command: "build", outcome: "failed", error: { code: "usage" } });
    expect((await runJson(shop, ["provsion"])).record).toMatchObject({ exitCode: 2 });
    expect((await runJson(shop, ["recipe", "lint", "--nonsense"])).record).toMatchObject({
      command: "recipe lint",
      exitCode: 2,
    });
  });

  test.each([[["--help"]], [["help"]], [["help", "build"]], [["build", "--help"]], [["recipe", "--help"]], [["-h"]]])(
    "%j exits 0 with the help on standard output",
    async (argv) => {
      const { exitCode, stdout, stderr } = await run(shop, argv);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).toMatch(/^Usage: tlsforge/u);
    },
  );

  test("without a command the help says which there are, and with it what a group holds", async () => {
    const nothing = await run(shop, []);
    expect(nothing.stdout + nothing.stderr).toMatch(/Usage: tlsforge/u);
    for (const name of ["provision", "plan", "build", "verify", "rollback", "doctor"])
      expect(nothing.stdout).toContain(`  ${name}`);
    const version = await run(shop, ["--version"]);
    expect(version).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/u) });
  });

  test("global options may stand before the command", async () => {
    const { exitCode, stdout } = await run(shop, ["--json", "--prefix", shop.prefix, "plan", "--exit-code"]);
    expect(exitCode).toBe(10);
    expect(problemsOf(JSON.parse(stdout))).toEqual([]);
  });

  test("a site file that is wrong is shown with its line, the near match and exit 2", async () => {
    const file = join(shop.folder, "wrong.yaml");
    await writeFile(file, "stack: small\nserver:\n  listn: [127.0.0.1:1]\n");
    const { exitCode, record, stderr } = await runJson(shop, ["plan", "--config", file]);
    expect(exitCode).toBe(2);
    expect(record.error.code).toBe("site-invalid");
    expect(stderr).toMatch(/wrong\.yaml:3:3/u);
    expect(stderr).toContain('did you mean "listen"');
  });
});

describe("refused before anything is done", () => {
  test("folders of a site file that are not there, by plan and by lint", async () => {
    const file = join(shop.folder, "folders.yaml");
    for (const [key, server] of [
      ["server.app.static", "app: { static: nowhere }"],
      ["server.certificate.directory", "certificate: { directory: nowhere }"],
    ] as const) {
      await writeFile(file, `stack: small\nserver: { ${server} }\n`);
      const { exitCode, record } = await runJson(shop, ["plan", "--config", file]);
      expect({ exitCode, code: record.error.code }).toEqual({ exitCode: 2, code: "site-invalid" });
      expect(record.error.message).toContain(`${key}: the folder ${join(shop.folder, "nowhere")} `);
      const linted = await run(shop, ["recipe", "lint", file]);
      expect(linted).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(key) });
    }
  });

  test("lint of a site file whose stack is not there, of a folder without a recipe, and of a pipe", async () => {
    const file = join(shop.folder, "stack.yaml");
    await writeFile(file, "stack: smal\n");
    const pipe = join(shop.folder, "pipe");
    await execa("mkfifo", [pipe]);
    for (const [target, message] of [
      [file, /no stack named "smal"/u],
      [shop.home, /recipe\.yaml is not there/u],
      [pipe, /pipe is no regular file/u],
    ] as const) {
      const { exitCode, stderr } = await run(shop, ["recipe", "lint", target], { seconds: 10 });
      expect(stderr).toMatch(message);
      expect({ target, exitCode }).toEqual({ target, exitCode: 2 });
    }
  });

  test("a folder in use as a prefix", async () => {
    const { exitCode, stderr } = await run(shop, ["plan", "--prefix", shop.cwd]);
    expect(stderr).toMatch(/^error\[prefix-unusable\]: .* is not empty/u);
    expect(exitCode).toBe(1);
  });

  test.runIf(process.platform === "linux")(
    "more files than this process may open: said with the limit, and no bug",
    async () => {
      const own = await smallShop({ before: ['- files: [{ from: many, to: "${build}/many" }]'] });
      try {
        const many = join(own.recipes, "hello", "many");
        await mkdir(many);
        for (let nth = 0; nth < 300; nth++) await writeFile(join(many, String(nth)), "");
        const under = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"];
        const { exitCode, record } = await runJson(own, ["plan"], { under });
        expect(exitCode).toBe(1);
        expect(record.error).toMatchObject({
          code: "requirement-missing",
          message: expect.stringMatching(/^this process may open no more files(?: than 64)?: EMFILE/u),
          hint: expect.stringContaining("ulimit -n"),
        });
      } finally {
        await own.remove();
      }
    },
  );

  test("an own archive that is none is named by its path", async () => {
    const own = await smallShop();
    try {
      const file = join(own.folder, "mine.tar.gz");
      await writeFile(file, "no archive");
      const { record } = await runJson(own, ["build", "--yes", "--source", `hello=${file}`]);
      expect(record.error).toMatchObject({
        code: "archive-broken",
        hint: expect.stringMatching(/^give another file with --source; the whole log: /u),
      });
      expect(record.error.message).toContain(file);
    } finally {
      await own.remove();
    }
  });
});

describe("output", () => {
  test.runIf(process.platform === "linux")("standard output that cannot be written fails the run", async () => {
    for (const line of ["--version", "recipe schema recipe", "status --json"]) {
      const { exitCode, stderr } = await execa(
        "bash",
        ["-c", `"$0" "$1" ${line} > /dev/full`, process.execPath, main],
        { cwd: shop.cwd, env: { TLSFORGE_PREFIX: shop.prefix }, reject: false },
      );
      expect(stderr).toContain("standard output cannot be written");
      expect({ line, exitCode }).toEqual({ line, exitCode: 1 });
    }
  });

  test("progress as JSON lines on standard error, the record alone on standard output", async () => {
    const own = await smallShop();
    try {
      const ran = await run(own, ["build", "--yes", "--json", "--progress", "json"]);
      expect(recordOf(ran)).toMatchObject({ outcome: "done" });
      const events = ran.stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string });
      const types = new Set(events.map((event) => event.type));
      for (const type of ["phase", "fetch-done", "build-start", "build-step", "build-done", "gate"])
        expect(types).toContain(type);
    } finally {
      await own.remove();
    }
  });

  test("no colour and no control characters without a terminal, whatever CI says; FORCE_COLOR asks for it, NO_COLOR wins", async () => {
    for (const environment of [{}, { CI: "true" }, { NO_COLOR: "1", FORCE_COLOR: "1" }]) {
      const plain = await run(shop, ["plan", "nonsense"], { environment });
      expect(plain.stdout + plain.stderr).not.toMatch(/\u001B/u);
    }
    const forced = await run(shop, ["plan", "nonsense"], { environment: { FORCE_COLOR: "1" } });
    expect(forced.stderr).toMatch(/\u001B\[/u);
  });

  test("--quiet leaves only what is loud, --verbose adds the steps", async () => {
    const own = await smallShop();
    try {
      const quiet = await run(own, ["build", "--yes", "--quiet"]);
      expect(quiet).toMatchObject({ exitCode: 0, stderr: "" });
      const verbose = await run(own, ["plan", "--verbose"]);
      expect(verbose.stdout).toContain("configure ./configure --prefix=${out}");
    } finally {
      await own.remove();
    }
  });

  test("a reader that has seen enough is no error", async () => {
    for (const line of ["--help", "recipe schema recipe", "completion bash"]) {
      const { stdout, stderr } = await execa(
        "bash",
        ["-c", `"$0" "$1" ${line} | head -n 1; echo "\${PIPESTATUS[0]}"`, process.execPath, main],
        { cwd: shop.cwd },
      );
      expect({ line, stderr, status: stdout.split("\n").at(-1) }).toEqual({ line, stderr: "", status: "0" });
    }
  });

  test("a reader that goes away early ends a run of its own accord", async () => {
    const child = start(shop, ["recipe", "schema", "recipe"]);
    child.stdout?.destroy();
    const { exitCode, stderr } = await child;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  test("the schemas for editors are JSON, and what ships", async () => {
    for (const kind of ["recipe", "stack", "site", "lock"]) {
      const { stdout, exitCode } = await run(shop, ["recipe", "schema", kind]);
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
    }
  });
});

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])("%s: a script on standard output, nothing else", async (shell) => {
    const { exitCode, stdout, stderr } = await run(shop, ["completion", shell]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const word of ["provision", "rollback", "prefix", "lint"]) expect(stdout).toContain(word);
  });

  test("every shell that is here reads its script", async () => {
    const here = ["bash", "zsh", "fish"].filter((shell) => which(shell) !== null);
    expect(here).toContain("bash");
    for (const shell of here) {
      const { stdout } = await run(shop, ["completion", shell]);
      const file = join(shop.folder, `completion.${shell}`);
      await writeFile(file, stdout);
      const read = await execa(shell, ["-n", file], { reject: false });
      expect({ exitCode: read.exitCode, stderr: read.stderr }).toEqual({ exitCode: 0, stderr: "" });
    }
  });

  test("bash: completes commands, what a group holds, and options", async () => {
    const { stdout: script } = await run(shop, ["completion", "bash"]);
    const file = join(shop.folder, "complete.bash");
    const ask = (words: string): string =>
      `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _tlsforge; echo "\${COMPREPLY[*]}"`;
    await writeFile(
      file,
      `${script}\n${ask("tlsforge prov")}\n${ask("tlsforge recipe l")}\n${ask("tlsforge build --jo")}\n${ask("tlsforge --prefix /x stat")}\n`,
    );
    const { stdout, stderr } = await execa("bash", [file]);
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual(["provision", "lint", "--jobs", "status"]);
  });
});

describe("prefixes that cannot be used", () => {
  test("one with spaces is refused before anything is made", async () => {
    const { record, exitCode } = await runJson(shop, ["build", "--yes", "--prefix", join(shop.folder, "my prefix")]);
    expect(record.error).toMatchObject({ code: "prefix-unusable", hint: expect.stringContaining("--prefix") });
    expect(exitCode).toBe(1);
  });

  test.each(["TLSFORGE_PREFIX", "TLSFORGE_RECIPES"])("an empty %s is not the usual folder", async (name) => {
    const { record, exitCode } = await runJson(shop, ["plan"], { environment: { [name]: "" } });
    expect([exitCode, record.error]).toMatchObject([2, { code: "usage", message: `${name} is empty` }]);
  });

  test("a file in its place is named", async () => {
    const file = join(shop.folder, "file");
    await writeFile(file, "");
    const { record, exitCode } = await runJson(shop, ["build", "--yes", "--prefix", file]);
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({ code: "prefix-unusable", message: expect.stringContaining(file) });
  });

  test("a newer layout is not touched: exit 2", async () => {
    const own = await smallShop();
    try {
      await run(own, ["build", "--yes"]);
      await writeFile(join(own.prefix, "layout"), "99\n");
      for (const argv of [["build", "--yes"], ["gc"], ["plan"], ["generations"], ["rollback"]]) {
        const { record, exitCode } = await runJson(own, argv);
        expect({ argv, exitCode, code: record.error.code }).toEqual({ argv, exitCode: 2, code: "prefix-newer" });
      }
    } finally {
      await own.remove();
    }
  });

  test("a damaged manifest is named, with the way out", async () => {
    const own = await smallShop();
    try {
      await run(own, ["build", "--yes"]);
      await writeFile(join(own.prefix, "generations", "1", "manifest.json"), '{"schema": "tlsf');
      const { record, exitCode } = await runJson(own, ["plan"]);
      expect(exitCode).toBe(1);
      expect(record.error).toMatchObject({
        code: "prefix-unusable",
        message: expect.stringContaining("/manifest.json is damaged"),
        hint: expect.stringContaining(`remove ${join(own.prefix, "current")} and run tlsforge build`),
      });
      expect((await runJson(own, ["generations"])).exitCode).toBe(0);
      expect((await runJson(own, ["gc"])).record.error.hint).toContain("link current and run tlsforge build");
      await rm(join(own.prefix, "current"));
      expect((await runJson(own, ["build", "--yes"])).record).toMatchObject({ exitCode: 0, generation: 2 });
      expect((await runJson(own, ["rollback", "1"])).record.error.code).toBe("prefix-unusable");
      expect((await runJson(own, ["generations"])).record.current).toBe(2);
      expect((await runJson(own, ["gc"])).exitCode).toBe(0);
    } finally {
      await own.remove();
    }
  });
});

describeWith(["linux", "root", "setpriv"], "as an ordinary user", () => {
  test("a prefix that cannot be written is named, with what to do", async () => {
    const prefix = join(shop.folder, "roots", "prefix");
    await mkdir(join(shop.folder, "roots"), { mode: 0o755 });
    await chmod(shop.folder, 0o755);
    // Wherever this checkout lies, it is to be read; that is all this user may more than others.
    const reads = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"];
    const under = ["setpriv", "--reuid", "65534", "--clear-groups", ...reads];
    const ran = await run(shop, ["build", "--yes", "--json", "--prefix", prefix], { under });
    const record = recordOf(ran);
    expect(ran.exitCode).toBe(1);
    expect(record.error).toMatchObject({ code: "prefix-unusable", message: expect.stringContaining(prefix) });
    expect(record.error.hint).toMatch(/--prefix/u);
  });
});

describeWith(["root"], "a prefix that somebody else could change, as root", () => {
  test.each(["provision", "plan", "build", "status", "launch", "rollback", "gc"])("%s refuses it", async (command) => {
    const wide = join(shop.folder, `wide-${command}`);
    await mkdir(wide);
    await chmod(wide, 0o777);
    const { exitCode, stdout, stderr } = await run(shop, [command, "--prefix", join(wide, "prefix")]);
    expect(stderr).toContain(
      `error[prefix-unusable]: ${join(wide, "prefix")} is not safe for root: ${wide} is writable by everybody`,
    );
    expect(stderr).toContain(`chmod go-w ${wide}`);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(await readdir(wide)).toEqual([]);
  });
});
