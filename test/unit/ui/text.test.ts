import fc from "fast-check";
import { expect, test } from "vitest";
import { duration, sanitise } from "../../../src/ui/index.ts";

test.each([
  ["a\tb", "a\tb"],
  ["\u001b[31mred\u001b[0m \u001b]0;title\u0007x", "red x"],
  ["one\r\ntwo", "onetwo"],
  ["\u202eabc\u2066\u2028", "abc"],
  ["https://me:secret@host/x", "https://***@host/x"],
  ["https://me:se\rcret@host/x", "https://***@host/x"],
  ["https://me:p@ss@host/x", "https://***@host/x"],
  ["socks5h://u:p@host and ftp://a@b", "socks5h://***@host and ftp://***@b"],
  ["https://host/x?a=1&token=abc&b=2", "https://host/x?a=1&token=***&b=2"],
  ["https://host/x?X-Amz-Signature=abc", "https://host/x?X-Amz-Signature=***"],
  ["mail me@host", "mail me@host"],
])("sanitise(%j) is %j", (given, wanted) => {
  expect(sanitise(given)).toBe(wanted);
});

test("nothing that sanitise gives has a control character but tab, whatever went in", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 0x2100 })),
      (codes) =>
        !/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/u.test(sanitise(String.fromCharCode(...codes))),
    ),
  );
});

test.each([
  [0, "0.0s"],
  [0.44, "0.4s"],
  [59.4, "59s"],
  [59.6, "1m 00s"],
  [185, "3m 05s"],
  [3599.6, "1h 00m"],
  [3720, "1h 02m"],
])("duration(%d) is %s", (seconds, wanted) => {
  expect(duration(seconds)).toBe(wanted);
});
