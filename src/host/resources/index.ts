import { ForgeError } from "../../errors.ts";
import type { Resource } from "../types.ts";
import { capability } from "./capability.ts";
import { file } from "./file.ts";
import { firewall } from "./firewall.ts";
import { group } from "./group.ts";
import type { ResourceKind } from "./kind.ts";
import { loaderPath } from "./loader-path.ts";
import { packages } from "./package.ts";
import { portacl } from "./portacl.ts";
import { rcScript } from "./rc-script.ts";
import { sysctl } from "./sysctl.ts";
import { socket, unit } from "./systemd.ts";
import { user } from "./user.ts";

export type { Moment, ResourceKind, UndoPlan } from "./kind.ts";

const kinds: { readonly [K in Resource["kind"]]: ResourceKind<Extract<Resource, { kind: K }>> } = {
  package: packages,
  "loader-path": loaderPath,
  sysctl,
  capability,
  group,
  user,
  unit,
  socket,
  "rc-script": rcScript,
  file,
  portacl,
  firewall,
};

/** The file that knows a kind of resource. A record may come from a newer tlsforge: throws `prefix-newer` for a kind that this one does not know. */
export function kindOf(name: string): ResourceKind {
  if (!Object.hasOwn(kinds, name)) {
    throw new ForgeError("prefix-newer", `this tlsforge knows no host resource of kind ${name}`, {
      hint: "use the version of tlsforge that made this prefix",
    });
  }
  // Each kind only ever gets resources and records of its own name.
  return kinds[name as Resource["kind"]] as ResourceKind;
}
