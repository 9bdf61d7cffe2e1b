export { compareGrades, isGrade, letterText, meets } from "./grades.ts";
export { compare } from "./compare/compare.ts";
export type {
  ComparedReport,
  ComparedSide,
  Comparison,
  FactChange,
  FindingChange,
  ListChange,
  Move,
  RulebookComparison,
  Standing,
  Verdict,
  Worth,
} from "./compare/types.ts";
export { judge } from "./judge.ts";
export { trustedLocally } from "./trust.ts";
export { rulebooks } from "./rulebooks/registry.ts";
export type {
  Bounds,
  Cap,
  Finding,
  Grade,
  GradeResult,
  Judgement,
  LevelResult,
  Limit,
  ObservationName,
  Report,
  Rulebook,
  RulebookResult,
} from "./types.ts";
