import type { Command } from "commander";
import { ForgeError } from "../../errors.ts";
import { quotedWord } from "../../words.ts";
import type { Result } from "../result.ts";

/** A completion script made from the command tree. */
export function completion(program: Command, shell: string): Result {
  const render = Object.hasOwn(renderers, shell) ? renderers[shell as keyof typeof renderers] : undefined;
  if (render === undefined)
    throw new ForgeError("usage", `there is no completion for ${JSON.stringify(shell)}`, {
      hint: "use one of bash, zsh, fish",
    });
  return { outcome: "done", exitCode: 0, fields: {}, text: render(entries(program, "")) };
}

/** A command with what may follow it. */
interface Entry {
  /** Words before it, without the program's name; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string; readonly valued: boolean }[];
}

function entries(command: Command, path: string): Entry[] {
  const words = [
    ...command.commands.map((child) => ({ word: child.name(), help: child.description(), valued: false })),
    ...command.options.flatMap((option) =>
      option.long === undefined || option.long === null || option.hidden
        ? []
        : [{ word: option.long, help: option.description, valued: option.required }],
    ),
  ];
  return [{ path, words }, ...command.commands.flatMap((child) => entries(child, `${path} ${child.name()}`.trim()))];
}

const renderers = { bash, zsh, fish };

function bash(all: readonly Entry[]): string {
  const cases = all.map(
    ({ path, words }) => `    ${quotedWord(path)}) words=${quotedWord(words.map((entry) => entry.word).join(" "))} ;;`,
  );
  return `# tlsforge completion for bash: source <(tlsforge completion bash)
_tlsforge() {
  local path="" word words="" value=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$value" ]; then value=""; continue; fi
    case $word in ${valuedOptions(all)}) value=1 ;; -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  if [ -z "$value" ]; then case $path in
${cases.join("\n")}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ "\${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _tlsforge tlsforge
`;
}

function zsh(all: readonly Entry[]): string {
  const cases = all.map(
    ({ path, words }) =>
      `    ${quotedWord(path)}) entries=(${words.map(({ word, help }) => quotedWord(`${word.replaceAll(":", "\\:")}:${help}`)).join(" ")}) ;;`,
  );
  return `#compdef tlsforge
# tlsforge completion for zsh: tlsforge completion zsh > "\${fpath[1]}/_tlsforge"
_tlsforge() {
  local -a entries rest
  local word value=""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $value ]]; then value=""; continue; fi
    case $word in ${valuedOptions(all)}) value=1 ;; -*) ;; *) rest+=("$word") ;; esac
  done
  if [[ -n $value ]]; then _files; return; fi
  case "\${(j: :)rest}" in
${cases.join("\n")}
  esac
  _describe tlsforge entries || _files
}
compdef _tlsforge tlsforge
`;
}

function fish(all: readonly Entry[]): string {
  const lines = all.flatMap(({ path, words }) =>
    words.map(({ word, help, valued }) => {
      const condition =
        path === ""
          ? "__fish_use_subcommand"
          : path
              .split(" ")
              .map((part) => `__fish_seen_subcommand_from ${part}`)
              .join("; and ");
      const what = word.startsWith("--") ? `-l ${word.slice(2)}${valued ? " -r" : ""}` : `-f -a ${word}`;
      return `complete -c tlsforge -n ${quotedWord(condition)} ${what} -d ${quotedWord(help)}`;
    }),
  );
  return `# tlsforge completion for fish: tlsforge completion fish > ~/.config/fish/completions/tlsforge.fish\n${lines.join("\n")}\n`;
}

/** Options that take the next word, as alternatives of a shell's `case`. */
function valuedOptions(all: readonly Entry[]): string {
  const names = all.flatMap(({ words }) => words.flatMap(({ word, valued }) => (valued ? [word] : [])));
  return [...new Set(names)].join("|");
}
