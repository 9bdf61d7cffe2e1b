import type { Location } from "../recipe/index.ts";
import type { FetchOptions } from "./types.ts";

/** What to do about a source that cannot be had: another way for one that was not asked for, or that lies at no address. */
export function remedyFor(
  name: string,
  locations: readonly Location[],
  { offline }: Pick<FetchOptions, "offline">,
): string {
  const own = `give the file yourself with --source ${name}=FILE`;
  if (offline) return `leave --offline out, bring the source with tlsforge bundle use FILE, or ${own}`;
  const network = locations.every(({ kind }) => kind === "file") ? "put it where the recipe says" : "check the network";
  return `${network}, name a mirror with --mirror URL, or ${own}`;
}
