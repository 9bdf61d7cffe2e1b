/** What a build is doing right now, read from one line of its output; null when the line does not tell. */
export function activityOf(line: string): string | null {
  if (!mayTell.test(line)) return null;
  const compiled = compiledFile(line);
  if (compiled !== null) return `compiling ${compiled}`;
  for (const [pattern, verb] of patterns) {
    const match = pattern.exec(line);
    if (match?.[1] !== undefined) return `${verb} ${match[1]}`;
  }
  return null;
}

/** What all lines have that tell: most have none of it, and builds print millions. */
const mayTell = /\s-[co](?:\s|$)|^\s*(?:Compiling|Building|Installing|checking) /;

const patterns: readonly (readonly [RegExp, string])[] = [
  [/^\s*Compiling (\S+ v\S+)/, "compiling"],
  [/^Compiling '\S*?([^/']+\.py)'\.\.\./, "precompiling"],
  [/^\s*Building wheel for (\S+)/, "building"],
  [/^\s*Building wheels? for collected packages: (.{1,80})/, "building"],
  [/^\s*Installing collected packages: (.{1,80})/, "installing"],
  [/^checking (?:for |whether )?(.{1,60}?)\.\.\./, "checking"],
  [/\s-o\s+(\S+\.so(?:\.\d+)*)(?!\S)/, "linking"],
];

/** The source file of a line that runs a compiler: with `-c` the first file after it or else before it, without it the one before `-o`. */
function compiledFile(line: string): string | null {
  const words = line.split(/\s+/);
  const at = words.indexOf("-c");
  if (at > 0) return words.slice(at).find(isSource) ?? words.slice(0, at).findLast(isSource) ?? null;
  const to = words.indexOf("-o");
  const before = words[to - 1] ?? "";
  return to > 0 && isSource(before) ? before : null;
}

function isSource(word: string): boolean {
  return /^[^\s'"`$]+\.(?:c|cc|cpp|cxx|m|S|s)$/.test(word);
}
