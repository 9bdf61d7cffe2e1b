/** What the command line needs of grades before anything is judged. Loads nothing else. */
export { isGrade, letterText, meets, wantableGrades } from "./grades.ts";
export { trustedLocally } from "./trust.ts";
