import { expect, test } from "vitest";
import { eachAddress } from "../../../../src/cli/look/items.ts";
import type { Item } from "../../../../src/cli/look/many.ts";
import { ForgeError } from "../../../../src/errors.ts";

const names = Array.from({ length: 40 }, (_, index) => ({ host: `h${index}`, port: 443 }));
const lookAt = () => Promise.reject(new Error("nobody looks here"));

async function namesOf(addressesOf: (host: string) => Promise<readonly string[]>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name } of eachAddress(names, { addressesOf, lookAt })) found.push(name);
  return found;
}

test("names resolve side by side, sixteen at most, and come in the order of the list", async () => {
  let [active, most] = [0, 0];
  const found = await namesOf(async (host) => {
    active++;
    most = Math.max(most, active);
    await new Promise((resolve) => setTimeout(resolve, Number(host.slice(1)) % 3));
    active--;
    return ["192.0.2.1", "192.0.2.2"];
  });
  expect(found).toEqual(names.flatMap(({ host }) => [`${host}:443 at 192.0.2.1`, `${host}:443 at 192.0.2.2`]));
  expect(most).toBe(16);
});

test("a name that does not resolve is an item that fails, and the others stay", async () => {
  const unreachable = new ForgeError("unreachable", "The name h3 does not resolve: ENOTFOUND");
  const items: Item[] = [];
  const all = eachAddress(names.slice(0, 5), {
    addressesOf: (host) => (host === "h3" ? Promise.reject(unreachable) : Promise.resolve(["192.0.2.1"])),
    lookAt,
  });
  for await (const item of all) items.push(item);
  expect(items.map(({ name }) => name)).toEqual(
    [0, 1, 2, 3, 4].map((n) => (n === 3 ? "h3:443" : `h${n}:443 at 192.0.2.1`)),
  );
  await expect(items[3]?.report()).rejects.toBe(unreachable);
});

test("a bug in the resolver is not taken for a name that does not resolve", async () => {
  await expect(namesOf(() => Promise.reject(new TypeError("bug")))).rejects.toThrow("bug");
});
