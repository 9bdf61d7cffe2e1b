import { expect, it } from "vitest";
import { refusalIn, type SealedView } from "../../../../src/build/seal/refusal.ts";

const view: SealedView = {
  hide: ["/root", "/home"],
  own: ["/tmp"],
  read: ["/home/u/tools"],
  write: ["/p/store/x", "/p/build/x"],
  network: "closed",
  declared: false,
};

it.each([
  ["curl: (6) Could not resolve host: example.org", "the network was refused: "],
  ["OSError: [Errno 101] Network is unreachable", "the network was refused: "],
  ["cat: /root/.ssh/id: No such file or directory", "/root/.ssh/id is hidden from builds: "],
  ["sh: 1: cannot create /home/u/x: Directory nonexistent", "/home/u/x is hidden from builds: "],
  ["touch: cannot touch '/usr/x': Read-only file system", "a write outside of its own folders was refused: "],
  [
    "install: cannot create regular file '/etc/x': Permission denied",
    "a write outside of its own folders was refused: ",
  ],
  ["mount: /mnt: permission denied.", "a change of the machine was refused: "],
  ["/usr/bin/date: cannot set date: Operation not permitted", "a change of the machine was refused: "],
])("%s is a refusal", (line, summary) => {
  expect(refusalIn(["before", line, "make: *** [all] Error 1"], view)?.summary.startsWith(summary)).toBe(true);
});

it.each([
  "cat: /home/u/tools/x: No such file or directory",
  "cat: config.h: No such file or directory",
  "sh: 1: ./configure: Permission denied",
  "cp: cannot create '/p/build/x/y': Permission denied",
  "mounting is easy",
  "x.c:1:1: error: unknown type name 'in'",
])("%s is none", (line) => {
  expect(refusalIn([line], view)).toBeNull();
});

it("says that it is --offline that takes the network away, and nothing of the network where it is there", () => {
  const lines = ["error: failed to get `a`", "attempting to make an HTTP request, but --offline was specified"];
  expect(refusalIn(lines, { ...view, declared: true })?.hint).toMatch(/which --offline forbids/u);
  expect(refusalIn(lines, { ...view, network: "open" })).toBeNull();
});

it("looks at the last lines alone", () => {
  const lines = ["Network is unreachable", ...Array.from({ length: 15 }, (_, index) => `line ${index}`)];
  expect(refusalIn(lines, view)).toBeNull();
});
