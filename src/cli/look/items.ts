import { ForgeError } from "../../errors.ts";
import type { Report } from "../../grade/index.ts";
import type { Item } from "./many.ts";
import { written, type TargetSpec } from "./targets.ts";

/** Names that are resolved at once. */
const ahead = 16;

type LookAt = (of: TargetSpec & { readonly address?: string }) => Promise<Report>;

/** Each target once. */
export async function* eachTarget(specs: readonly TargetSpec[], lookAt: LookAt): AsyncIterable<Item> {
  for (const spec of specs) yield { name: written(spec), report: () => lookAt(spec) };
}

/** Each address of each target, in the order of the targets. A name that does not resolve is an item that fails. */
export async function* eachAddress(
  specs: readonly TargetSpec[],
  of: { readonly addressesOf: (host: string) => Promise<readonly string[]>; readonly lookAt: LookAt },
): AsyncIterable<Item> {
  const begin = async (spec: TargetSpec): Promise<readonly Item[]> => {
    try {
      const addresses = await of.addressesOf(spec.host);
      return addresses.map((address) => ({
        name: `${written(spec)} at ${address}`,
        report: () => of.lookAt({ ...spec, address }),
      }));
    } catch (error) {
      if (!(error instanceof ForgeError)) throw error;
      return [{ name: written(spec), report: () => Promise.reject(error) }];
    }
  };
  const begun: Promise<readonly Item[]>[] = [];
  for (let index = 0; index < specs.length; index++) {
    for (const spec of specs.slice(index + begun.length, index + ahead)) {
      const items = begin(spec);
      // What fails is told when its turn comes.
      items.catch(() => undefined);
      begun.push(items);
    }
    yield* (await begun.shift()) ?? [];
  }
}
