/** What a build is doing right now, read from one line of its output; null when the line does not tell. */
export function activityOf(line: string): string | null {
  for (const [pattern, verb] of patterns) {
    const match = pattern.exec(line);
    if (match?.[1] !== undefined) return `${verb} ${match[1]}`;
  }
  return null;
}

const patterns: readonly (readonly [RegExp, string])[] = [
  [/^\s*Compiling (\S+ v\S+)/, "compiling"],
  [/^\s*Building wheels? for collected packages: (.+)$/, "building"],
  [/^\s*Installing collected packages: (.{1,80})/, "installing"],
  [/^checking (?:for |whether )?(.{1,60}?)\.\.\./, "checking"],
  [/\s-c\s.*?(\S+\.(?:c|cc|cpp|S|s))\b/, "compiling"],
  [/\s(\S+\.(?:c|cc|S|s))\s+-o\s/, "compiling"],
  [/\s-o\s+(\S+\.so(?:\.\d+)*)\b/, "linking"],
];
