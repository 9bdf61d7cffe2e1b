/** A failed build that is kept, the shell in it and in a finished one, and logs: as a user of the command line sees them. */
import { existsSync } from "node:fs";
import { access, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { root } from "../tools/checkout.ts";
import { describeWith } from "../tools/needs.ts";
import {
  compile,
  ended,
  localVersion,
  run,
  runJson,
  start,
  workshop,
  writeRecipes,
  type HelloRecipe,
  type Workshop,
} from "./support.ts";

describeWith(["linux", "cc", "make", "python3"], "kept builds", () => {
  let shop: Workshop;

  beforeAll(compile);
  beforeEach(async () => {
    shop = await workshop();
  });
  afterEach(() => shop.remove());

  async function recipe(hello: Omit<HelloRecipe, "versions">): Promise<void> {
    await writeRecipes(shop, { ...hello, versions: [await localVersion(shop, "1.0.0")] });
  }

  /** A recipe that fails for want of a header, which the compiler really looks for. */
  const lacking = {
    before: [
      "- files: [{ to: lacking.c, content: '#include <tlsforge-no-such.h>' }]",
      "- run: [cc, -c, lacking.c, -o, lacking.o]",
      "  environment: { MARK: of-the-step }",
    ],
  };

  const inShell = (...argv: readonly string[]) => run(shop, ["shell", "hello", ...argv]);
  const scratches = async (): Promise<readonly string[]> => readdir(join(shop.prefix, "build")).catch(() => []);

  test("a failed build is kept when that is asked for, and a shell goes to the failing command", async () => {
    await recipe(lacking);
    const failed = await runJson(shop, ["build", "--yes", "--keep-failed", "--quiet"]);
    expect(failed.record.error).toMatchObject({
      code: "build-failed",
      message: expect.stringContaining("the header tlsforge-no-such.h is missing") as string,
    });
    expect(failed.record.error?.hint).toMatch(/the failed build is kept in .*-hello \(tlsforge shell hello goes there/);
    const [scratch = "", record = ""] = await scratches();
    expect(record).toBe(`${scratch}.failed.json`);
    const facts = await stat(join(shop.prefix, "build", record));
    expect(facts.mode & 0o077).toBe(0);

    const again = await inShell("--", "tlsforge-again");
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain("fatal error: tlsforge-no-such.h");
    expect(again.stderr).toMatch(/the failing command, in \S+\/source: cc -c lacking\.c -o lacking\.o/);

    const seen = await inShell(
      "--command",
      'pwd; echo "$MARK $GREETING $HOME"; env | cut -d= -f1 | sort | tr "\\n" " "; exit 42',
    );
    expect(seen.exitCode).toBe(42);
    const [folder, values, names = ""] = seen.stdout.split("\n");
    expect(folder).toBe(join(shop.prefix, "build", scratch, "source"));
    expect(values).toBe(`of-the-step plain ${join(shop.prefix, "build", scratch, "home")}`);
    // What builds see, and nothing of the caller's.
    expect(names.split(" ")).toContain("SOURCE_DATE_EPOCH");
    expect(names).not.toMatch(/TLSFORGE_PREFIX|TLSFORGE_RECIPES/);

    // What is mended by hand is there when the command runs again.
    expect(
      (await inShell("--command", "touch tlsforge-no-such.h && sed -i 's/<.*>/\"tlsforge-no-such.h\"/' lacking.c"))
        .exitCode,
    ).toBe(0);
    expect((await inShell("--", "tlsforge-again")).exitCode).toBe(0);
    await access(join(shop.prefix, "build", scratch, "source", "lacking.o"));

    const dry = await run(shop, ["gc", "--dry-run"]);
    expect(dry.stdout).toMatch(
      /^keep {2}build\/.*-hello\n {6}\(the folder that hello 1\.0\.0 failed in on .*gc --failed/m,
    );
    const plain = await run(shop, ["gc"]);
    expect([plain.exitCode, plain.stdout.includes("keep ")]).toEqual([0, false]);
    expect(plain.stdout).toContain(" gc --dry-run says what is kept and why.\n");
    expect(await scratches()).toEqual([scratch, record]);
    const doomed = await run(shop, ["gc", "--failed", "--dry-run"]);
    expect(doomed.stdout).toContain(`would remove  ${join("build", scratch)}`);
    expect((await run(shop, ["gc", "--failed"])).exitCode).toBe(0);
    expect(await scratches()).toEqual([]);
    expect(await readdir(join(shop.prefix, "store"))).toEqual([]);
  });

  const connect = `python3 -c 'import socket; socket.create_connection(("192.0.2.1", 80), 3)'`;

  test("a shell is sealed as the build was, and has the terminal; --no-seal gives one that is not", async () => {
    await recipe(lacking);
    await run(shop, ["build", "--yes", "--keep-failed"]);
    const [scratch = ""] = await scratches();
    const secret = join(shop.cwd, "secret");
    await writeFile(secret, "of mine\n");

    // TIOCSTI, for whoever reads from the terminal next.
    const typing = `perl -e 'ioctl(STDIN, 0x5412, $_) for split //, "ESCAPED\\n"'`;
    const steps = [
      ["[hello 1.0.0]", "case $- in *m*) echo j''obs; esac; pwd\n"],
      ["jobs", "echo wai''ting; sleep 60\n"],
      ["waiting", "\u0003"],
      ["[hello 1.0.0]", "echo st''atus $?\n"],
      ["status 130", "sleep 61 &\nkill %1; wait; tlsforge-again\n"],
      ["fatal error: tlsforge-no-such.h", `${connect}\n`],
      ["Network is unreachable", `cat ${secret}; ${typing}; exit 9\n`],
      ["code 9", "mine again\n"],
    ];
    // A shell without job control does not take the terminal back from who has had it.
    const typed = ["python3", join(root, "test", "e2e", "terminal.py"), JSON.stringify(steps)];
    const under = [...typed, "sh", "-c", '"$@"; echo code $?; read line && echo "read $line"', "sh"];
    const { exitCode, stdout } = await run(shop, ["shell", scratch.slice(0, 12)], {
      under,
      environment: { TERM: "dumb" },
    });
    expect(stdout).toMatch(/this shell is sealed: no network, writes only to its own folders/);
    expect(stdout).toContain(`${join(shop.prefix, "build", scratch, "source")}\r\n`);
    expect(stdout).toContain(`${secret}: No such file or directory`);
    expect(stdout).toContain("read mine again");
    expect(exitCode).toBe(0);

    const open = await inShell("--no-seal", "--command", `cat ${secret}`);
    expect(open).toMatchObject({ exitCode: 0, stdout: "of mine\n" });
    expect(open.stderr).toContain("this shell is not sealed, as --no-seal asks");
    const closed = await inShell("--command", connect);
    expect(closed).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Network is unreachable") as string });

    // What is sealed does not decide what the next shell sees, and an output that a record names is its build's own.
    const record = join(shop.prefix, "build", `${scratch}.failed.json`);
    const told = JSON.parse(await readFile(record, "utf8")) as object;
    const wish = join(shop.prefix, "build", scratch, "wish");
    await writeFile(wish, JSON.stringify({ ...told, seen: [secret], network: true }));
    await inShell(
      "--command",
      `cp ${wish} ${record}; cp ${wish} ${join(shop.prefix, "build", scratch, ".tlsforge-failed.json")}`,
    );
    expect(await inShell("--command", `cat ${secret}`)).toMatchObject({ exitCode: 1, stdout: "" });
    expect(await inShell("--command", connect)).toMatchObject({ exitCode: 1 });
    await writeFile(record, JSON.stringify({ ...told, out: shop.cwd }));
    expect(await inShell("--command", `touch ${shop.cwd}/x`)).toMatchObject({ exitCode: 1 });
    await writeFile(record, JSON.stringify(told));

    // Who ends tlsforge ends what runs in the shell, which may still tidy up.
    const asked = start(shop, [
      "shell",
      "hello",
      "--command",
      "trap 'echo bye; exit 5' TERM; touch up; sleep 62 & wait",
    ]);
    while (!existsSync(join(shop.prefix, "build", scratch, "source", "up"))) await sleep(50);
    asked.kill("SIGTERM");
    expect(await ended(asked)).toMatchObject({ exitCode: 130, stdout: "bye\n" });
  });

  test("without being asked nothing is kept; a finished build has a shell without sources; what makes no sense is refused", async () => {
    await recipe(lacking);
    await run(shop, ["build", "--yes"]);
    expect(await scratches()).toEqual([]);
    const none = await inShell("--", "true");
    expect(none.exitCode).toBe(1);
    expect(none.stderr).toContain("a build that fails is kept with --keep-failed");

    await recipe({});
    expect((await run(shop, ["build", "--yes", "--keep-failed"])).exitCode).toBe(0);
    expect(await scratches()).toEqual([]);
    const seen = await inShell("--command", 'echo "$GREETING"; ls; ls source 2>&1');
    expect(seen.stdout).toMatch(/^plain\nbin\nhome\ntmp\n.*No such file/);
    expect(await scratches()).toEqual([]);
    const input = await run(shop, ["shell", "lookout", "--", "sh", "-c", "echo $SOURCE_DATE_EPOCH; exit 7"]);
    expect(input).toMatchObject({ exitCode: 7, stdout: "315532800\n" });

    const near = await run(shop, ["shell", "helo", "--", "true"]);
    expect(near.exitCode).toBe(1);
    expect(near.stderr).toMatch(/did you mean hello\?/);
    expect((await run(shop, ["shell", "helo"])).stderr).toMatch(/did you mean hello\?/);
    expect((await inShell()).stderr).toContain("there is no terminal");
    expect(await inShell("--command", "true", "--", "true")).toMatchObject({ exitCode: 2 });
    expect(await inShell("--json", "--", "true")).toMatchObject({ exitCode: 2 });
  });

  test("a running build's log is followed to its end, and the one before is there", async () => {
    await recipe({ pause: 0.3 });
    const building = start(shop, ["build", "--yes", "--jobs", "1"]);
    const logs = join(shop.prefix, "log");
    while ((await readdir(logs).catch(() => [])).length === 0) await sleep(50);
    const followed = await run(shop, ["log", "hello", "--last", "--follow"], { seconds: 30 });
    // It does not end before the build does.
    expect(followed.stdout).toMatch(/sleep 0\.3/);
    expect(followed.stdout).toMatch(/make -j1 install|\$ make .*install/);
    expect(followed.stdout.trimEnd().endsWith("tlsforge: end of the log")).toBe(true);
    expect((await ended(building)).exitCode).toBe(0);
    expect((await run(shop, ["log", "hello"])).stdout).toBe(followed.stdout);

    await recipe({ ...lacking, greeting: "other" });
    await run(shop, ["build", "--yes"]);
    await run(shop, ["build", "--yes"]);
    expect((await readdir(logs)).filter((name) => name.endsWith(".1.log"))).toHaveLength(1);
    expect((await run(shop, ["log", "hello", "--last"])).stdout).toContain("fatal error");
    expect((await run(shop, ["log", "hello", "--previous"])).stdout).toContain("fatal error");
    expect(await run(shop, ["log", "hello", "--previous", "--follow"])).toMatchObject({ exitCode: 2 });
  });

  test("a follower of a run that is killed ends too", async () => {
    await recipe({ pause: 30 });
    const building = start(shop, ["build", "--yes", "--jobs", "1"]);
    const logs = join(shop.prefix, "log");
    const text = async (): Promise<string> => {
      const [name] = await readdir(logs).catch(() => []);
      return name === undefined ? "" : readFile(join(logs, name), "utf8");
    };
    while (!(await text()).includes("sleep 30")) await sleep(50);
    const following = start(shop, ["log", "-f"], { seconds: 30 });
    await sleep(400);
    building.kill("SIGKILL");
    const { exitCode, stdout } = await ended(following);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("end of the log");
    expect((await run(shop, ["gc"])).exitCode).toBe(0);
  });
});
