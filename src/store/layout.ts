import { ForgeError } from "../errors.ts";
import { layoutVersion } from "./paths.ts";

/** Throws `prefix-newer` for a layout version above ours, and for what is no version: it is not ours to touch. */
export function refuseNewer(layout: number, path: string): void {
  if (layout >= 1 && layout <= layoutVersion) return;
  throw new ForgeError("prefix-newer", `${path} has layout ${layout}; this tlsforge knows ${layoutVersion}`, {
    hint: "Use the newer tlsforge that made it, or choose another folder with --prefix",
  });
}
