import { ForgeError } from "../errors.ts";
import { layoutVersion } from "./paths.ts";

/** Throws `prefix-newer` for a layout version above ours: it is not ours to touch; and `prefix-unusable` for what is no version. */
export function refuseNewer(layout: number, path: string): void {
  if (!Number.isInteger(layout) || layout < 1) {
    throw new ForgeError("prefix-unusable", `The layout version of ${path} is damaged`, {
      hint: "Restore it from a backup, or choose another folder with --prefix",
    });
  }
  if (layout <= layoutVersion) return;
  throw new ForgeError("prefix-newer", `${path} has layout ${layout}; this tlsforge knows ${layoutVersion}`, {
    hint: "Use the newer tlsforge that made it, or choose another folder with --prefix",
  });
}
