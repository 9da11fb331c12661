/** The limiters that were compared, by name. heddle has `elasticity`. docs/decisions/adaptive-limit.md has the result. */
import { ElasticityLimiter } from "../../../src/server/http/admit/adaptive/elasticity-limiter.ts";
import type { Bounds, Limiter } from "../../../src/server/http/admit/adaptive/limiter.ts";
import { AimdLimiter } from "./aimd.ts";
import { CovarianceLimiter } from "./covariance.ts";
import { Gradient2Limiter } from "./gradient2.ts";
import { VegasLimiter } from "./vegas.ts";

export type LimiterName = "elasticity" | "gradient2" | "vegas" | "aimd" | "covariance";

export const limiters: Readonly<Record<LimiterName, (bounds: Bounds) => Limiter>> = {
  elasticity: (bounds) => new ElasticityLimiter(bounds),
  gradient2: (bounds) => new Gradient2Limiter(bounds),
  vegas: (bounds) => new VegasLimiter(bounds),
  aimd: (bounds) => new AimdLimiter(bounds),
  covariance: (bounds) => new CovarianceLimiter(bounds),
};
