import type { ForgeEvent } from "../events.ts";

const commandOfOurs =
  /(^|[\s`(])tlsforge (?=(?:provision|plan|build|launch|reload|stop|status|verify|grade|compare|generations|rollback|env|gc|uninstall|sources|bundle|recipe|log|shell|doctor|audit|completion|COMMAND|--help)\b)/g;

/** Advice as it can be typed here: commands of tlsforge under the name that this program was called by. */
export function asCalled(text: string, program: string | undefined): string {
  if (program === undefined) return text;
  return text.replace(commandOfOurs, (_, before: string) => `${before}${program} `);
}

/** The same for what an event says to people. */
export function eventAsCalled(event: ForgeEvent, program: string | undefined): ForgeEvent {
  if (event.type !== "notice" && event.type !== "warning") return event;
  const { message, hint } = event;
  return {
    ...event,
    message: asCalled(message, program),
    ...(hint === undefined ? {} : { hint: asCalled(hint, program) }),
  };
}
