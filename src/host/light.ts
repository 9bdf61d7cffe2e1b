/** The platform alone, for commands that leave the machine as it is. Loads nothing else. */
export { detectPlatform } from "./platform.ts";
