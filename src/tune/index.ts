export { compareResults, type Comparison } from "./compare.ts";
export { isotonic } from "./estimate/isotonic.ts";
export { estimateKnee, type KneeOptions, throughputMax } from "./estimate/knee.ts";
export { kneedle, type KneedleOptions } from "./estimate/kneedle.ts";
export { sloCeiling, type SloOptions } from "./estimate/slo.ts";
export { fitUsl, uslThroughput } from "./estimate/usl.ts";
export { type Generator, type LoadPlan, startGenerator } from "./load/generator.ts";
export { recommend } from "./recommend/recommend.ts";
export { renderReport } from "./report/page/page.ts";
export { loadScenario, parsePath, type Scenario, type ScenarioRequest } from "./scenario/scenario.ts";
export type { SweepRules } from "./sweep/next-step.ts";
export { sweep, type SweepOptions, type SweepResult, type WantedWindow } from "./sweep/sweep.ts";
export type {
  GeneratorAudit,
  KneeEstimate,
  Latencies,
  LeftOut,
  Level,
  LevelThroughputs,
  LimitedBy,
  Recommendation,
  RouteProfile,
  Sample,
  Shape,
  ShapeResult,
  SloCeiling,
  TuneResult,
  UslFit,
} from "./types.ts";
