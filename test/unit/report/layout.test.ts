import { expect, test } from "vitest";

import { wrap } from "../../../src/report/layout.ts";

test.each([
  ["a b c", 3, ["a b", "c"]],
  ["TLS_RSA_WITH_AES_128_GCM_SHA256, and", 31, ["TLS_RSA_WITH_AES_128_GCM_", "SHA256, and"]],
  ["aaaaaaaaaaaa", 5, ["aaaaa", "aaaaa", "aa"]],
  ["a_bbbbbbbbbb", 6, ["a_bbbb", "bbbbbb"]],
])("%s in %i columns", (text, width, lines) => {
  expect(wrap(text, width)).toEqual(lines);
});
