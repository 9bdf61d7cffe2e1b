const folderVariables = ["TLSFORGE_PREFIX", "TLSFORGE_RECIPES"];

/** The variable that names a folder, is there and is empty: a mistake of the script that set it, which did not mean the usual folder. null when there is none. */
export function emptyFolderVariable(environment: Readonly<Record<string, string | undefined>>): string | null {
  return folderVariables.find((name) => environment[name] === "") ?? null;
}
