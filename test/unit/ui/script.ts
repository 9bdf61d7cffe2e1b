import type { ForgeEvent } from "../../../src/events.ts";
import type { Output } from "../../../src/ui/index.ts";

const key = "0123456789abcdef";
const log = "/p/log/0123456789abcdef.log";

/** A run that shows every kind of event; each moment is [seconds since the beginning, event]. */
export const script: readonly (readonly [number, ForgeEvent])[] = [
  [0, { type: "phase", phase: "resolve", state: "start" }],
  [0.04, { type: "phase", phase: "resolve", state: "done", detail: "5 recipes" }],
  [0.1, { type: "phase", phase: "packages", state: "skipped", detail: "nothing is missing" }],
  [0.1, { type: "lock-wait", path: "/p/var/lock", holder: "tlsforge build (process 4711)" }],
  [1, { type: "phase", phase: "fetch", state: "start" }],
  [1, { type: "fetch-start", source: "openssl", location: "https://me:pa\rss@mirror.example/a?token=abc&x=1" }],
  [2, { type: "fetch-retry", source: "openssl", location: "mirror", reason: "503", waitSeconds: 2 }],
  [4, { type: "location-failed", source: "openssl", location: "mirror", reason: "404 \u001b[31mnot here\u001b[0m" }],
  [4, { type: "fetch-start", source: "openssl", location: "debian pool", total: 53_000_000 }],
  [6, { type: "fetch-progress", source: "openssl", received: 26_500_000, total: 53_000_000 }],
  [9, { type: "fetch-done", source: "openssl", location: "debian pool", bytes: 53_000_000 }],
  [
    9,
    { type: "fallback", recipe: "openssl", wanted: "3.5.9", got: "3.5.7", reasons: ["upstream: 404", "debian: 404"] },
  ],
  [9, { type: "phase", phase: "fetch", state: "done" }],
  [9, { type: "phase", phase: "build", state: "start" }],
  [9, { type: "build-start", recipe: "openssl", version: "3.5.7", key, log, expectedSeconds: 76 }],
  [9, { type: "build-step", key, step: "configure ./Configure --prefix=${out}", index: 1, count: 3 }],
  [60, { type: "build-activity", key, activity: "cc crypto/evp/e_aes.c" }],
  [80, { type: "gate", key, gate: "linkage", outcome: "pass" }],
  [80, { type: "gate", key, gate: "hardening", outcome: "untestable", detail: "CET: the compiler does not take it" }],
  [80, { type: "gate", key, gate: "runs", outcome: "fail", detail: "exit 127" }],
  [
    85,
    { type: "build-done", recipe: "openssl", version: "3.5.7", key, cached: false, wallSeconds: 76, cpuSeconds: 143.2 },
  ],
  [
    85,
    { type: "build-done", recipe: "libffi", version: "3.5.2", key: "f", cached: true, wallSeconds: 0, cpuSeconds: 0 },
  ],
  [85, { type: "cache-bounded", files: 2, bytes: 53_000_000 }],
  [85, { type: "phase", phase: "build", state: "done" }],
  [86, { type: "host-command", argv: ["ldconfig"], elevated: true, why: "the loader cache" }],
  [86, { type: "host-command", argv: ["sh", "-c", "it's"], elevated: false, why: "looking" }],
  [
    86,
    { type: "host-change", id: "loader-path:tlsforge", action: "create", detail: "/etc/ld.so.conf.d/tlsforge.conf" },
  ],
  [87, { type: "server-log", line: "listening" }],
  [87, { type: "notice", message: "The server runs", hint: "tlsforge stop" }],
  [87, { type: "warning", message: "Careful\u202e", hint: "look" }],
  [88, { type: "warning", message: "Careful\u202e", hint: "look" }],
];

/** A clock that the script moves, in milliseconds. */
export function scriptClock(): { now: () => number; at: (seconds: number) => void } {
  let milliseconds = 0;
  return { now: () => milliseconds, at: (seconds) => (milliseconds = seconds * 1000) };
}

/** A terminal that understands what log-update sends: what a person would see at the end, and everything that was written. */
export function screen(columns = 100): Output & { text: () => string; raw: () => string } {
  const rows: string[] = [""];
  let row = 0;
  let column = 0;
  let raw = "";
  const put = (character: string): void => {
    const line = (rows[row] ?? "").padEnd(column);
    rows[row] = line.slice(0, column) + character + line.slice(column + 1);
    column += 1;
  };
  const control = (count: number, command: string): void => {
    if (command === "A") row = Math.max(0, row - count);
    if (command === "B") row += count;
    if (command === "G") column = 0;
    if (command === "K") rows[row] = count === 2 ? "" : (rows[row] ?? "").slice(0, column);
    if (command === "J") rows.length = row + 1;
    while (rows.length <= row) rows.push("");
  };
  return {
    columns,
    write(text) {
      raw += text;
      for (const [part, number, command] of text.matchAll(/\u001b\[\??(\d*)([A-Za-z])|[\s\S]/gu)) {
        if (command !== undefined) control(number === "" ? (command === "K" ? 0 : 1) : Number(number), command);
        else if (part === "\n") {
          row += 1;
          column = 0;
          if (rows.length <= row) rows.push("");
        } else put(part);
      }
    },
    text: () => rows.map((line) => line.trimEnd()).join("\n"),
    raw: () => raw,
  };
}
