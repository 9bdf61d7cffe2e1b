import { execFileSync } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { env } from "../../../src/cli/commands/env.ts";
import { describeWith } from "../../tools/needs.ts";
import { contextIn, freshFolder } from "./context.ts";

async function prefixIn(folder: string, name = "prefix") {
  const context = contextIn(folder);
  const prefix = join(folder, name);
  await mkdir(join(prefix, "generations/1"), { recursive: true });
  await symlink("generations/1", join(prefix, "current"));
  return { ...context, options: { ...context.options, prefix } };
}

/** What PATH is after a shell has run a text, twice. */
function pathAfter(shell: string, text: string): string {
  return execFileSync(shell, ["-c", `${text}\n${text}\nprintf %s "$PATH"`], {
    env: { PATH: "/usr/bin:/bin" },
    encoding: "utf8",
    // With a socket there bash takes itself for a remote shell and reads its user's settings.
    stdio: ["ignore", "pipe", "inherit"],
  });
}

it.each(["prefix", "a b's $HOME `x`"])("puts the prefix first on PATH, once: %s", async (name) => {
  const context = await prefixIn(await freshFolder(), name);
  const { text, fields } = await env(context, "bash");
  expect(fields).toMatchObject({ shell: "sh", path: [join(context.options.prefix, "bin")] });
  for (const shell of ["sh", "bash"])
    expect(pathAfter(shell, text)).toBe(`${join(context.options.prefix, "bin")}:/usr/bin:/bin`);
});

it("speaks fish and csh, quoted as each reads it", async () => {
  const context = await prefixIn(await freshFolder(), "it's!");
  const bin = join(context.options.prefix, "bin");
  const fish = bin.replace("'", String.raw`\'`);
  expect((await env(context, "fish")).text).toBe(`contains -- '${fish}' $PATH; or set -gx PATH '${fish}' $PATH\n`);
  const csh = bin.replace("'", String.raw`'\''`).replace("!", String.raw`\!`);
  expect((await env(context, "tcsh")).text).toBe(`setenv PATH '${csh}':"$PATH"\n`);
});

describeWith(["tcsh"], "tcsh", () => {
  it("reads it", async () => {
    const context = await prefixIn(await freshFolder(), "it's!");
    const { text } = await env(context, "csh");
    const after = execFileSync("tcsh", ["-f", "-c", `${text}\nprintenv PATH`], {
      env: { PATH: "/usr/bin:/bin" },
      encoding: "utf8",
    });
    expect(after.trim()).toBe(`${join(context.options.prefix, "bin")}:/usr/bin:/bin`);
  });
});

describeWith(["fish"], "fish", () => {
  it("reads it", async () => {
    const context = await prefixIn(await freshFolder(), "it's");
    const { text } = await env(context, "fish");
    const after = execFileSync("fish", ["--no-config", "-c", `${text}\n${text}\nstring join : $PATH`], {
      env: { PATH: "/usr/bin:/bin" },
      encoding: "utf8",
    });
    expect(after.trim()).toBe(`${join(context.options.prefix, "bin")}:/usr/bin:/bin`);
  });
});

it("goes by SHELL where no shell is named, and takes sh for one that it does not know", async () => {
  const context = await prefixIn(await freshFolder());
  const under = async (shell: string): Promise<unknown> =>
    (await env({ ...context, environment: { SHELL: shell } }, undefined)).fields["shell"];
  expect(await under("/usr/bin/fish")).toBe("fish");
  expect(await under("/bin/tcsh")).toBe("csh");
  expect(await under("/opt/nushell/nu")).toBe("sh");
});

it("refuses what it cannot say", async () => {
  const folder = await freshFolder();
  const context = await prefixIn(folder);
  await expect(env(context, "powershell")).rejects.toMatchObject({
    code: "usage",
    hint: expect.stringContaining("fish"),
  });
  await expect(env(await prefixIn(folder, "a:b"), "sh")).rejects.toMatchObject({ code: "prefix-unusable" });
  await expect(env(contextIn(await freshFolder()), "sh")).rejects.toMatchObject({ code: "not-found" });
});
