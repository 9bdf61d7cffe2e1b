import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { namedFiles, sealFolders } from "../../../src/build/seal/folders.ts";
import { sealBuild } from "../../../src/build/seal/sealed.ts";
import type { BuildContext } from "../../../src/build/types.ts";
import { derivationOf, freshFolder, machineSeal, prepare, scratchOf } from "./helpers.ts";

/** What a build sees whose prefix, recipe and tools lie in a home. */
async function seen(tools: readonly string[], homes?: (home: string) => readonly string[]) {
  const home = await freshFolder();
  const project = await prepare(home);
  const derivation = derivationOf(project);
  for (const file of [...tools, ".cargo/credentials.toml", ".ssh/id"]) {
    await mkdir(dirname(join(home, file)), { recursive: true });
    await writeFile(join(home, file), "");
  }
  await mkdir(join(project.prefix, "var"), { recursive: true });
  const seal = { ...(await machineSeal([])), homes: homes?.(home) ?? [home] };
  const context: BuildContext = {
    derivation,
    sources: project.sources,
    scratch: scratchOf(derivation),
    log: "/dev/null",
    jobs: 1,
    toolFolders: tools.map((file) => dirname(join(home, file))),
    toolPaths: Object.fromEntries(tools.map((file) => [file, join(home, file)])),
    passThrough: {},
    seal,
    keepFailed: false,
    emit: () => undefined,
    signal: new AbortController().signal,
  };
  return { home, derivation, folders: sealFolders(context, []), context };
}

it("keeps the store, the recipe, the sources and toolchains in a home, and nothing else of it", async () => {
  const tools = [".cargo/bin/cargo", ".pyenv/shims/python3", "toolchain/bin/cc", "bin/own"];
  const { home, derivation, folders } = await seen(tools);
  expect(folders.hide).toEqual(expect.arrayContaining([home, join(home, "p", "var"), "/root"]));
  expect(folders.write).toEqual([derivation.out, scratchOf(derivation)]);
  const below = folders.read.filter((file) => file.startsWith(home)).map((file) => file.slice(home.length + 1));
  expect(below.toSorted()).toEqual(
    [
      "p/store",
      "hello",
      "hello-1.0.0.tar.gz",
      ".cargo/bin",
      ...["lib", "lib64", "libexec", "include"].map((name) => `.cargo/${name}`),
      ".pyenv",
      "toolchain",
      "bin",
    ].toSorted(),
  );
});

it("never hides what the system itself lies in, though an account calls it home", async () => {
  const { folders } = await seen([], () => ["/", "/usr/sbin", "/bin", "/dev", "/var", "/nonexistent", ""]);
  expect(folders.hide.filter((folder) => !/^\/(?:root|home|run|srv|var|etc\/.*|tmp\/.*)$/u.test(folder))).toEqual([]);
});

it("follows the link of a tool to where its toolchain is", async () => {
  const { home, context } = await seen(["real/bin/cc"]);
  await mkdir(join(home, "links"));
  await symlink(join(home, "real", "bin", "cc"), join(home, "links", "cc"));
  const { read } = sealFolders({ ...context, toolFolders: [], toolPaths: { cc: join(home, "links", "cc") } }, []);
  expect(read).toEqual(expect.arrayContaining([join(home, "links"), join(home, "real")]));
});

it("follows no link that lies where the sealed write", async () => {
  const { home, derivation, context } = await seen(["real/bin/cc"]);
  await mkdir(derivation.out, { recursive: true });
  await symlink(join(home, "real"), join(derivation.out, "tools"));
  const { read } = sealFolders({ ...context, toolFolders: [join(derivation.out, "tools", "bin")], toolPaths: {} }, []);
  expect(read).not.toContain(join(home, "real"));
});

it.each([
  ["does not end", "exec sleep 60", "the trial of the seal did not end within 0.3 s"],
  ["was killed", "kill -KILL $$", "the trial of the seal was ended by a signal (SIGKILL)"],
  ["was killed below its seal", "exit 137", "the trial of the seal was ended by a signal (SIGKILL)"],
])(
  "a trial that %s is no answer, and its build fails instead of going on unsealed",
  async (_, text, why) => {
    const { context } = await seen([]);
    const events: unknown[] = [];
    const command = ["/bin/sh", "-c", text, "sh"];
    const seal = { ...context.seal, grade: "full", network: "closed", command } as const;
    await mkdir(context.scratch, { recursive: true });
    const sealing = sealBuild({ ...context, seal, emit: (event) => events.push(event) }, 300);
    await expect(sealing).rejects.toMatchObject({
      code: "build-failed",
      message: `whether builds can be sealed here could not be found out: ${why}`,
      hint: expect.stringContaining("--jobs 1") as string,
    });
    expect(events).toEqual([]);
  },
  5_000,
);

it("finds the files that settings name", async () => {
  const home = await freshFolder();
  const file = join(home, "ca bundle.pem");
  await writeFile(file, "");
  expect(namedFiles([file, `cainfo = "${file}"\nnot = "/nowhere/x"\n`, "http://127.0.0.1/simple"])).toEqual([file]);
});
