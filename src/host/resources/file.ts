import { dirname } from "node:path";
import type { Host, Resource } from "../types.ts";
import { blocked } from "./kind.ts";
import type { ResourceKind } from "./kind.ts";
import {
  fileData,
  fileStands,
  fileState,
  filesPlan,
  managedText,
  rememberFile,
  undoFile,
  withSaved,
} from "./managed-file.ts";
import type { ManagedFile } from "./managed-file.ts";

type File = Extract<Resource, { kind: "file" }>;

/** A configuration file that is wholly ours. */
export const file: ResourceKind<File> = {
  async plan(host, resource) {
    const state = await fileState(host, managed(resource));
    const told = { current: state.current, desired: resource.path, why: resource.why };
    const folder = dirname(resource.path);
    const reason = state.reason ?? ((await host.facts(folder)) === null ? `${folder} is not there` : null);
    if (reason !== null) return blocked(resource, { ...told, reason });
    return filesPlan(resource, told, [state], state.commands);
  },

  remember: (host, resource) => rememberFile(host, managed(resource)),
  settle: (host: Host, _resource, remembered) => withSaved(host, remembered),
  adopt: (host, resource) => withSaved(host, fileData(managed(resource))),
  undo: (host, record) => undoFile(host, record),
  quickCheck: (host, record) => fileStands(host, record.data),
  remedy: () => "see whether the folder can be written and has room",
};

function managed({ path, text, mode }: File): ManagedFile {
  return { path, text: managedText(text), mode };
}
