import { execFileSync } from "node:child_process";
import { appendFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { followLog } from "../../../src/cli/builds/follow.ts";
import { freshFolder } from "./context.ts";

/** Follows a log that holds `text`, as long as `running` says. */
async function following(text: string) {
  const file = join(await freshFolder(), "key.log");
  await writeFile(file, text);
  const abort = new AbortController();
  const state = { shown: "", running: true };
  const done = followLog(file, {
    write: async (part) => {
      state.shown += part;
    },
    signal: abort.signal,
    running: async () => state.running,
  });
  const shows = async (wanted: string): Promise<void> => {
    while (!state.shown.includes(wanted)) await sleep(10);
  };
  return { file, state, done, abort, shows };
}

const end = "\ntlsforge: end of the log\n";

it("gives what there is and what comes, letters whole, until the line that ends a log", async () => {
  const { file, state, done, shows } = await following("begin ");
  await shows("begin");
  const letter = Buffer.from("é");
  await appendFile(file, letter.subarray(0, 1));
  await sleep(200);
  await appendFile(file, Buffer.concat([letter.subarray(1), Buffer.from(end)]));
  await done;
  expect(state.shown).toBe(`begin é${end}`);
});

it("goes on with the log of the next try when that takes the name", async () => {
  const { file, state, done, shows } = await following("first ");
  await shows("first");
  await appendFile(file, "more ");
  await rename(file, `${file}.1`);
  await writeFile(file, `second${end}`);
  await done;
  expect(state.shown).toBe(`first more second${end}`);
});

it("ends with a run that was killed, after what that still wrote, and when it is interrupted", async () => {
  const { file, state, done, shows } = await following("a");
  await shows("a");
  await appendFile(file, "b");
  state.running = false;
  await done;
  expect(state.shown).toBe("ab");
  const other = await following("c");
  await other.shows("c");
  other.abort.abort();
  await other.done;
});

it("follows nothing that is no file", async () => {
  const folder = await freshFolder();
  execFileSync("mkfifo", [join(folder, "pipe")]);
  await symlink("pipe", join(folder, "link"));
  let shown = "";
  const given = { write: async (text: string) => void (shown += text), signal: AbortSignal.timeout(60_000) };
  for (const name of [".", "pipe", "link"])
    await followLog(join(folder, name), { ...given, running: async () => true });
  expect(shown).toBe("");
});
