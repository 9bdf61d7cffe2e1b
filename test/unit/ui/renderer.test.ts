import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { renderer } from "../../../src/ui/index.ts";
import type { Renderer, RendererOptions } from "../../../src/ui/index.ts";
import { screen, script, scriptClock } from "./script.ts";

async function play(options: Pick<RendererOptions, "kind"> & Partial<RendererOptions>): Promise<string> {
  const { now, at } = scriptClock();
  const out = screen();
  const view = renderer({ colour: false, now, out, ...options });
  for (const [seconds, event] of script) {
    at(seconds);
    view.emit(event);
  }
  await view.close();
  return out.text();
}

test("plain: one line per event worth one, warnings again at the end", async () => {
  expect(await play({ kind: "plain" })).toMatchSnapshot();
});

test("plain, quiet: only what is loud", async () => {
  expect(await play({ kind: "plain", level: "quiet" })).toMatchSnapshot();
});

test("plain, verbose: steps, gates, commands and the server's lines too", async () => {
  expect(await play({ kind: "plain", level: "verbose" })).toMatchSnapshot();
});

test("plain with colour", async () => {
  const { now } = scriptClock();
  const out = screen();
  const view = renderer({ kind: "plain", colour: true, now, out });
  view.emit({ type: "warning", message: "Careful" });
  await view.close();
  expect(out.raw()).toContain("\u001b[33mwarning: Careful\u001b[39m\n");
});

test("advice names the program as it was called, also when a warning is said again; records keep the name", async () => {
  const shown = async (kind: "plain" | "tty" | "json"): Promise<string> => {
    const { now } = scriptClock();
    const out = screen();
    const view = renderer({ kind, colour: false, now, out, program: "bin/it" });
    view.emit({
      type: "notice",
      message: "kept",
      hint: "tlsforge shell hello goes there; tlsforge gc --failed removes it",
    });
    view.emit({ type: "warning", message: "run tlsforge recipe lint, and leave ~/tlsforge build alone" });
    view.emit({ type: "notice", message: "done" });
    await view.close();
    return out.text();
  };
  for (const kind of ["plain", "tty"] as const) {
    const text = await shown(kind);
    expect(text).toContain("hint: bin/it shell hello goes there; bin/it gc --failed removes it");
    expect(text.match(/run bin\/it recipe lint, and leave ~\/tlsforge build alone/gu)).toHaveLength(2);
  }
  expect(await shown("json")).toContain("tlsforge shell hello");
});

test("warnings that nothing else came after are not said again", async () => {
  const { now } = scriptClock();
  const out = screen();
  const view = renderer({ kind: "plain", colour: false, now, out });
  view.emit({ type: "notice", message: "begun" });
  for (const message of ["one", "two"]) view.emit({ type: "warning", message });
  await view.close();
  expect(out.text()).toBe("begun\nwarning: one\nwarning: two\n");
});

test("a warning that comes again is said once; a record has each", async () => {
  for (const kind of ["plain", "json"] as const) {
    const { now } = scriptClock();
    const out = screen();
    const view = renderer({ kind, colour: false, now, out });
    for (const message of ["one", "one", "two"]) view.emit({ type: "warning", message });
    await view.close();
    expect(out.text().match(/one/gu)).toHaveLength(kind === "plain" ? 1 : 2);
    expect(view.summary()).toHaveLength(2);
  }
});

test("what is not shown comes between a warning and the end as little as nothing", async () => {
  const shown = async (level: "quiet" | "normal"): Promise<string> => {
    const { now } = scriptClock();
    const out = screen();
    const view = renderer({ kind: "plain", colour: false, now, out, level });
    view.emit({ type: "warning", message: "one" });
    view.emit({ type: "build-activity", key: "k", activity: "cc" });
    view.emit({ type: "notice", message: "done" });
    await view.close();
    return out.text();
  };
  expect(await shown("quiet")).toBe("warning: one\n");
  expect(await shown("normal")).toBe("warning: one\ndone\n\nOne warning of this run:\n  warning: one\n");
});

test("json: every event as a line that parses, nothing else", async () => {
  const text = await play({ kind: "json" });
  expect(text).toMatchSnapshot();
  const parsed = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  expect(parsed.map((event) => event.type)).toEqual(script.map(([, event]) => event.type));
});

test("tty: what stays on the screen after the run", async () => {
  expect(await play({ kind: "tty" })).toMatchSnapshot();
});

async function untilDrawn(out: { text: () => string }, wanted: string): Promise<void> {
  for (let tries = 0; tries < 100 && !out.text().includes(wanted); tries += 1) await sleep(20);
}

function inBuild(): { out: ReturnType<typeof screen>; view: Renderer; at: (seconds: number) => void } {
  const { now, at } = scriptClock();
  const out = screen(90);
  const view = renderer({ kind: "tty", colour: false, now, out });
  const [build, key] = [{ recipe: "openssl", version: "3.5.7" }, "k"];
  view.emit({ type: "phase", phase: "build", state: "start" });
  view.emit({ type: "build-start", ...build, key, log: "/l", expectedSeconds: 76 });
  view.emit({ type: "build-step", key, step: "make", index: 1, count: 3 });
  view.emit({ type: "build-activity", key, activity: "cc crypto/evp/e_aes.c" });
  return { out, view, at };
}

test("tty: while a build runs, its step, times and current compile are shown below the phase", async () => {
  const { out, view, at } = inBuild();
  at(20);
  await untilDrawn(out, "e_aes.c");
  const drawn = out.text().replace(/^\S/gmu, "*");
  await view.close();
  expect(drawn).toMatchInlineSnapshot(`
    "* building [20s]
    *   openssl 3.5.7: make (2/3) [20s, about 56s left]
      › cc crypto/evp/e_aes.c
    "
  `);
  expect(out.text()).toContain("openssl 3.5.7: not finished [20s]");
});

test("tty: a build that takes longer than expected says so", async () => {
  const { out, view, at } = inBuild();
  at(90);
  await untilDrawn(out, "longer than expected");
  const drawn = out.text();
  await view.close();
  expect(drawn).toContain("openssl 3.5.7: make (2/3) [1m 30s, longer than expected]");
});

test("tty: the terminal is left alone while a command with privilege may ask for a password", async () => {
  const { out, view } = inBuild();
  await untilDrawn(out, "e_aes.c");
  view.emit({ type: "host-command", argv: ["sudo", "true"], elevated: true, why: "a test" });
  await untilDrawn(out, "with privilege");
  await sleep(50);
  const before = out.raw();
  await sleep(350);
  expect(out.raw()).toBe(before);
  expect(before).toMatch(/\u001b\[\?25h/u);
  await view.close();
});

test("close gives the cursor back, drops later events and may be called twice", async () => {
  const { out, view } = inBuild();
  await untilDrawn(out, "e_aes.c");
  await view.close();
  const after = out.raw();
  view.emit({ type: "warning", message: "late" });
  await view.close();
  expect(out.raw()).toBe(after);
  expect(after.lastIndexOf("\u001b[?25h")).toBeGreaterThan(after.lastIndexOf("\u001b[?25l"));
  expect(view.summary()).toEqual([]);
});

test("summary has each loud event once, in order", () => {
  const { now } = scriptClock();
  const view = renderer({ kind: "plain", colour: false, now, out: screen() });
  for (const [, event] of script) view.emit(event);
  expect(view.summary().map((event) => event.type)).toEqual(["fallback", "warning"]);
});
