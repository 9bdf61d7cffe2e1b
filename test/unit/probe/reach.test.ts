import { expect, it } from "vitest";
import { addressesOf, type Resolve } from "../../../src/probe/reach/addresses.ts";
import { quoted } from "../../../src/probe/reach/plain-reader.ts";

const onlyIPv4: Resolve = async (_host, { family }) => {
  if (family === 6) throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
  return [{ address: "192.0.2.1" }];
};
const nothing: Resolve = async () => {
  throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
};

it.each([
  ["that is there", onlyIPv4, "The name a.example has no address of IPv6, only 192.0.2.1", "Leave out --ipv6"],
  ["that is not", nothing, "The name a.example does not resolve: ENOTFOUND", expect.stringContaining("spelling")],
])("a name %s, asked for another family", async (_what, resolve, message, hint) => {
  const asked = addressesOf("a.example", { timeoutMs: 1000, family: 6, resolve });
  await expect(asked).rejects.toMatchObject({ code: "unreachable", message, hint });
});

it("what a server said is escaped once", () => {
  expect(quoted("220 \u001b[31m\r\n")).toBe('"220 \\u{1b}[31m"');
});

it("counts a lookup's time from when it is asked, not from when others had the resolver", async () => {
  const order: string[] = [];
  const end = new Map<string, () => void>();
  const resolve: Resolve = async (host) => {
    order.push(host);
    if (host !== "c.example") await new Promise<void>((done) => end.set(host, done));
    return [{ address: "192.0.2.1" }];
  };
  const [a, b, c] = ["a.example", "b.example", "c.example"].map((host) =>
    addressesOf(host, { timeoutMs: 20, resolve }),
  );
  const given = await Promise.allSettled([a, b]);
  expect(given.map((each) => each.status === "rejected" && each.reason)).toEqual([
    expect.objectContaining({ code: "unreachable", message: expect.stringContaining("no answer within") }),
    expect.objectContaining({ code: "unreachable" }),
  ]);
  // Given up, but their threads are still busy.
  expect(order).toEqual(["a.example", "b.example"]);
  for (const done of end.values()) done();
  expect(await c).toEqual(["192.0.2.1"]);
});
