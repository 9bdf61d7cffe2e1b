import { describe, expect, it } from "vitest";
import { parseListeners } from "../../../src/server/owner.ts";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 48213 1 0000000000000000 100 0 0 10 0
   1: 0100007F:20FB 0100007F:D2A4 01 00000000:00000000 00:00000000 00000000     0        0 48999 1 0000000000000000 20 4 30 10 -1
   2: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0000000000000000 100 0 0 10 0
`;

describe("parseListeners", () => {
  it("reads sockets that listen, and no connections", () => {
    expect(parseListeners(table)).toEqual([
      { port: 8443, uid: 1000, inode: "48213" },
      { port: 443, uid: 0, inode: "1234" },
    ]);
  });

  it("finds nothing in an empty table", () => {
    expect(parseListeners("")).toEqual([]);
  });
});
