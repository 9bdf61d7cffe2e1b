import type { ElfFile, Found, Loaded, Resolver } from "./types.ts";

/**
 * Everything that a program gets, by the names that are asked for, breadth first as loaders do it: a name that something loaded already has, as
 * the name it was asked for by or as its own, is not looked for again.
 */
export function closure(program: ElfFile, resolver: Resolver, given: Found | null): ReadonlyMap<string, Found | null> {
  const results = new Map<string, Found | null>();
  const ownNames = new Set<string>();
  const identities = new Set([program.identity]);
  if (program.elf.soname !== null) ownNames.add(program.elf.soname);
  // The loader itself is in the process from the beginning.
  const loader = given?.file?.elf.soname;
  if (given !== null && loader !== undefined && loader !== null) results.set(loader, given);

  const queue: Loaded[] = [{ file: program, by: null }];
  for (const asker of queue) {
    for (const name of asker.file.elf.needed) {
      if (results.has(name) || ownNames.has(name)) continue;
      const found = resolver.find(name, asker, program);
      results.set(name, found);
      const file = found?.file ?? null;
      if (file === null || identities.has(file.identity)) continue;
      identities.add(file.identity);
      if (file.elf.soname !== null && file.elf.soname !== name) ownNames.add(file.elf.soname);
      queue.push({ file, by: asker });
    }
  }
  return results;
}
